import argparse
import ast
import datetime

import pytest

from pipeline.runtime.arguments import date, finite, recipe_name, share, whole
from tests.support.code import files_of


def types_of_arguments(top):
    for file in files_of(top).values():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "parser.add_argument":
                yield from (ast.unparse(word.value).split("(")[0] for word in node.keywords if word.arg == "type")


def test_no_argument_is_of_a_type_whose_error_is_a_name_in_python():
    assert set(types_of_arguments("pipeline")) == {"Path", "date", "recipe_name", "share", "whole"}
    assert set(types_of_arguments("benchmarks")) <= {"Path", "date", "finite", "whole"}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (date, "2026-01-31", datetime.date(2026, 1, 31)),
        (finite, "-1e3", -1000.0),
        (share, "0", 0.0),
        (share, "1", 1.0),
        (recipe_name, "full", "full"),
        (recipe_name, "train@full", "full"),
        (recipe_name, "../dvc.yaml:train@full", "full"),  # so DVC calls it in a folder of the project
        (whole(1), "1", 1),
        (whole(0), "12", 12),
        (whole(-5), "-5", -5),
    ],
)
def test_a_right_argument_is_its_value(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "texts", "rule"),
    [
        (date, ["tomorrow", "2026-02-30", ""], "must be a date as YYYY-MM-DD, such as 2026-01-31"),
        (finite, ["nan", "inf", "x"], "must be a number, such as 0.5"),
        (whole(1), ["0", "1.5", "x", "1_0", "9" * 19], "must be a whole number of 1 or more, such as 10"),
        (whole(100), ["99"], "must be a whole number of 100 or more, such as 100"),
    ],
)
def test_a_wrong_argument_is_told_the_rule_an_example_and_itself(kind, texts, rule):
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError) as caught:
            kind(text)
        assert str(caught.value) == f"{rule}, found {text!r}"


@pytest.mark.parametrize("text", ["-0.1", "1.1"])
def test_a_share_is_from_0_to_1(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"must be a share from 0 to 1, such as 0.05, found '{text}'"):
        share(text)

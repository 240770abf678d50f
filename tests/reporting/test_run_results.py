import hashlib
import json
import re

import pytest

from pipeline.data.remote import Remote
from pipeline.reporting.run_results import HEADLINE, TABLES, as_texts, metrics_files, read_metrics, sha256_of
from tests.support.http_files import serving
from tests.support.reports import DATA, METRICS, make_result, write_metrics
from tests.support.reports import TABLES as WRITTEN
from tests.support.work_tree import run


def test_the_best_recipe_comes_first(tmp_path):
    errors = {"worst": 9.0, "best": 1.0, "middle": 4.0}
    written = write_metrics(tmp_path, **{name: {"test_mse_usd2": error} for name, error in errors.items()})
    assert [result.name for result in written.results().recipes] == ["best", "middle", "worst"]


def test_recipes_of_the_same_error_keep_the_order_of_the_settings(tmp_path):
    assert [result.name for result in write_metrics(tmp_path, b={}, a={}).results().recipes] == ["b", "a"]


def test_metrics_are_read_back_as_they_were_written(tmp_path):
    results = write_metrics(tmp_path, mine={}).results()
    assert results.recipes[0].metrics == METRICS
    assert results.data == DATA


def test_tables_come_back_as_text_and_their_columns_as_numbers(tmp_path):
    result = make_result(tmp_path)
    assert set(TABLES) == set(WRITTEN)
    assert result.tables["slices"][0] == {
        "slice": "company_size=S",
        "rows": "41",
        "mse_usd2": "144000000.0",
        "bias_usd": "-1234.0",
    }
    assert result.numbers("learning_curve", "epoch", "valid_mse") == [(1, 0.8), (2, 1)]


def test_the_hashes_are_of_the_files_bytes(tmp_path):
    hashes = write_metrics(tmp_path, mine={}).results().hashes
    assert hashes == {"raw.csv": hashlib.sha256(b"abc").hexdigest(), "some.lock": hashlib.sha256(b"").hexdigest()}


def test_the_hash_of_a_folder_is_of_what_sha256sum_says_of_its_tables(tmp_path):
    (tmp_path / "2024").mkdir()
    for name in ("b.csv", "2024/a.csv", ".gitignore"):
        (tmp_path / name).write_text(name)
    lines = [run(tmp_path, "sha256sum", name) for name in ("2024/a.csv", "b.csv")]
    assert sha256_of(tmp_path) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_hash_of_a_table_at_a_url_is_of_its_etags_and_names():
    with serving() as web:
        web.bodies["/a.csv"] = b"abc"
        table = Remote(f"{web.url}/a.csv")
        line = f"{table.files()['a.csv'].etag}  a.csv\n"
        assert sha256_of(table) == hashlib.sha256(line.encode()).hexdigest()
        assert web.sent == 0


def test_the_baselines_come_before_the_recipe(tmp_path):
    assert list(make_result(tmp_path).methods.items()) == [
        ("training mean", 29_017.0),
        ("mean of the cell", 25_023.0),
        ("ridge regression", 22_041.0),
        ("mine", 20_000.0),
    ]


@pytest.mark.parametrize(("ratio", "floor"), [(16 / 9, 15_000.0), (None, None)])
def test_the_noise_floor_is_in_units_of_the_target_where_it_is_known(tmp_path, ratio, floor):
    assert make_result(tmp_path, test_mse_over_floor=ratio).noise_floor == floor


@pytest.mark.parametrize(
    "name", ["recipes/mine.json", "details/mine.json", "prepare.json", *(f"plots/mine/{table}.csv" for table in TABLES)]
)
def test_a_missing_file_is_named(tmp_path, name):
    written = write_metrics(tmp_path, mine={})
    (tmp_path / "metrics" / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{re.escape(name)} must be there, found none; run dvc repro"):
        written.results()


def test_the_two_files_of_a_recipe_have_each_metric_once_and_are_read_together(tmp_path):
    numbers = dict.fromkeys([*HEADLINE, "train_rows", "test_rows"], 0.5)
    for file, text in zip(metrics_files(tmp_path, "mine"), as_texts(numbers), strict=True):
        file.parent.mkdir()
        file.write_text(text)
    headline, details = (json.loads(file.read_text()) for file in metrics_files(tmp_path, "mine"))
    assert (list(headline), list(details)) == (list(HEADLINE), ["train_rows", "test_rows"])
    assert read_metrics(tmp_path, "mine") == numbers


def test_metrics_of_a_commit_that_had_one_file_are_read_from_it(tmp_path):
    numbers = {"test_rmse_usd": 2.0, "test_ridge_mse_usd2": 9.0}
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/full.json").write_text(json.dumps(numbers))
    assert read_metrics(tmp_path, "full") == numbers


def test_what_another_recipe_has_left_is_not_read(tmp_path):
    write_metrics(tmp_path, dropped={"test_mse_usd2": 1.0}, broken={})
    (tmp_path / "metrics/recipes/broken.json").write_text("{")
    assert [result.name for result in write_metrics(tmp_path, mine={}).results().recipes] == ["mine"]

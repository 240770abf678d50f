"""`data:` and `prepare:` where the raw table is, and how it becomes encoded rows."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.runtime.sections import Section
from pipeline.runtime.urls import check_table_url, is_url
from pipeline.settings.numbers import Count, Fraction


def _printable(salt: str) -> str:
    if not re.fullmatch(r"[ -~]{1,64}", salt):
        raise ValueError(f"must be 1 to 64 letters, digits and signs of ASCII, such as v1; found {salt!r}")
    return salt


def _a_path_or_a_url(path: str) -> str:
    if is_url(path):
        check_table_url(path)
    return path


Target = Literal["standard", "minmax", "log1p"]
"""How the target is normalised."""


class Data(Section):
    """`data:` where the raw table is: a file, or a folder of files, on this machine or at a URL."""

    path: Annotated[str, Field(min_length=1), AfterValidator(_a_path_or_a_url)]


class Split(Section):
    """`prepare.split:` shares of the rows (the rest is for training), and the salt of the rows' hash."""

    salt: Annotated[str, AfterValidator(_printable)]
    valid_fraction: Annotated[float, Field(gt=0, lt=1)]
    test_fraction: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> "Split":
        if self.valid_fraction + self.test_fraction >= 1:
            found = f"{self.valid_fraction} + {self.test_fraction}: no row would be left to train on"
            raise ValueError(f"valid_fraction + test_fraction must be below 1; found {found}")
        return self


class Prepare(Section):
    """`prepare:` the split, the encoding and the share of broken rows that may go to quarantine."""

    max_bad_fraction: Fraction
    split: Split
    min_count: Count
    target: Target

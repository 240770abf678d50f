"""`data:` and `prepare:` where the raw table is, and how it becomes encoded rows."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.runtime.masking import shown_address
from pipeline.runtime.sections import Section
from pipeline.settings.numbers import Count, Fraction


def _printable(salt: str) -> str:
    if not re.fullmatch(r"[ -~]{1,64}", salt):
        raise ValueError(f"must be 1 to 64 letters, digits and signs of ASCII, such as v1; found {salt!r}")
    return salt


def _a_file_here(path: str) -> str:
    if re.match(r"[a-z0-9+]+://", path, re.IGNORECASE):  # https://…, s3://…
        url = shown_address(path)
        fix = f"get it (dvc get-url '{url}' data/raw/table.csv), and name that file; nightly.source may be a URL"
        raise ValueError(f"the raw table must be a file on this machine; found a URL, {url}; {fix}")
    return path


Target = Literal["standard", "minmax", "log1p"]
"""How the target is normalised."""


class Data(Section):
    """`data:` where the raw table is: a file, or a folder of files."""

    path: Annotated[str, Field(min_length=1), AfterValidator(_a_file_here)]


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

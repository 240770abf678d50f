"""`evaluate:` what the scores of a model tell, and about whom."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.runtime.sections import Section
from pipeline.settings.numbers import Count


class Fairness(Section):
    """`evaluate.fairness:` how wrong a model may be about a group of the audited columns."""

    max_bias_share: Annotated[float, Field(gt=0, le=1)]
    max_error_ratio: Annotated[float, Field(ge=1)]


MIN_HIDING_ROWS = 10  # among fewer rows one is not hidden


class Evaluate(Section):
    """`evaluate:` how many test rows a slice must have to be shown, and a group to be judged by what limits.

    `single_rows` says whether what goes to git, to reports and into messages may tell of single rows.
    """

    min_slice_rows: Count
    single_rows: bool
    fairness: Fairness

    @model_validator(mode="after")
    def _hide_a_row_among_others(self) -> "Evaluate":
        if not self.single_rows and self.min_slice_rows < MIN_HIDING_ROWS:
            rule = f"min_slice_rows must be {MIN_HIDING_ROWS} or more where single_rows is false"
            raise ValueError(f"{rule}, so that none is alone; found {self.min_slice_rows}: raise it")
        return self

    @property
    def least_rows(self) -> int:
        """The fewest rows that anything in git, in a report or in a message may be told of."""
        return 1 if self.single_rows else self.min_slice_rows

"""Before a model goes out: does who gets it from DVC's remote have the one that won, to the last bit?"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.data.raw_table import Table
from pipeline.model.bundle import Bundle
from pipeline.nights.compare import predicted
from pipeline.nights.night import Night
from pipeline.repository.consumer import get_as_consumer
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error

ROWS = 100


@dataclass(frozen=True)
class Canary:
    """Tonight's first rows, and what the challenger predicts for them in memory. Shape: predicted (rows,)."""

    rows: pa.RecordBatch
    predicted: np.ndarray

    @classmethod
    def of(cls, table: Table, challenger: Bundle) -> "Canary":
        """The first `ROWS` rows of the table, or all if there are fewer."""
        rows = table.rows.slice(0, ROWS)
        return cls(rows, predicted(challenger, rows))

    def check(self, night: Night, committed: Workspace) -> None:
        """Get the model of the committed clone's HEAD as a consumer does, and predict the rows again.

        Raises: RuleError if it cannot be had, cannot be loaded, or predicts anything else.
        """
        what, rule = f"{night.model}, as others get it", "must predict as here, before its commit goes out"
        fix = "see that DVC's remote gives back what dvc push brings; the next night tries again"
        with (
            as_rule_error((CommandError, ValueError), what, rule=rule, fix=fix),
            tempfile.TemporaryDirectory(prefix="canary-", dir=night.folder) as folder,
        ):
            seconds = night.settings.publish_seconds
            got = get_as_consumer(committed, night.model, temporary=Path(folder).resolve(), seconds=seconds)
            found = predicted(Bundle.load(got), self.rows)
        if found.tobytes() != self.predicted.tobytes():
            different = f"other predictions for {np.count_nonzero(found != self.predicted)} of {len(found)} rows"
            raise RuleError(what, rule=rule, found=different, fix=fix)

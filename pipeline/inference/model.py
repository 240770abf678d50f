"""The model as Python code calls it: rows in, a DataFrame of answers out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pandas as pd
import pyarrow as pa

from pipeline.inference.answers import ANSWERS, answer_rows
from pipeline.inference.frames import Rows, as_table, text_batches
from pipeline.model.bundle import Bundle

TYPES = {pa.int64(): pd.Int64Dtype(), pa.string(): pd.StringDtype()}


@dataclass(frozen=True)
class Model:
    """A trained model. It answers rows as the command `predict` answers those of a file, to the last bit."""

    bundle: Bundle = field(repr=False)  # pages of numbers

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The model of the bundle in the folder. Raises: ValueError as `Bundle.load`."""
        return cls(Bundle.load(Path(folder)))

    def predict(self, rows: Rows) -> pd.DataFrame:
        """An answer to each row: prediction and intervals in whole numbers of the target's unit, or the problem.

        The rows are a DataFrame, a Series or list of dicts, or an Arrow table, with the data contract's features among
        their columns. A value that breaks the contract, or is missing, is told in the row's `problem`; its other
        answers are missing, too.
        Shape: returns (rows,) of the columns `ANSWERS`, with the index of the rows.
        Raises: TypeError if the rows have another form; ValueError if they lack a feature.
        """
        table = as_table(rows)
        batches = [answer_rows(self.bundle, batch) for batch in text_batches(table)]
        answers: pd.DataFrame = pa.concat_tables([ANSWERS.empty_table(), *batches]).to_pandas(types_mapper=TYPES.get)
        return answers.set_index(table.index) if isinstance(table, pd.DataFrame) else answers

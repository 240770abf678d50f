"""Parquet files whose bytes depend on the rows alone: they are re-cut to groups of one size, whatever their blocks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

SIZE = 1 << 17


class RowGroups:
    """A writer of rows of one schema, closed at the end of its `with` block."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        codes = [field.name for field in schema if field.type == pa.int16()]  # the others hardly repeat
        self._writer = pq.ParquetWriter(
            path, schema, compression="none", use_dictionary=codes, write_statistics=False, store_schema=False
        )
        self._waiting: list[pa.Table] = [schema.empty_table()]

    def __enter__(self) -> Self:
        return self

    def write(self, table: pa.Table) -> None:
        """Append rows, of the schema."""
        self.rows += table.num_rows
        self._waiting.append(table)
        if sum(part.num_rows for part in self._waiting) >= SIZE:
            rows = pa.concat_tables(self._waiting).combine_chunks()
            full = rows.num_rows - rows.num_rows % SIZE
            for start in range(0, full, SIZE):
                self._writer.write_table(rows.slice(start, SIZE), row_group_size=SIZE)
            self._waiting = [rows.slice(full)]

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # an error leaves the file without its last rows
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks(), row_group_size=SIZE)
        self._writer.close()


def row_groups(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The file's rows, one row group at a time: ParquetFile.iter_batches would hold all of them in its buffers."""
    file = pq.ParquetFile(path)
    for number in range(file.num_row_groups):
        yield file.read_row_group(number, columns=columns and list(columns))

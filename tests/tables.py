"""Made-up salary tables: one row that keeps the contract, with what a test wants different."""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.clean import Cleaned, clean
from pipeline.read import Block, parse
from pipeline.schema import COLUMNS

HEADER = ",".join(COLUMNS)
ROW = dict(zip(COLUMNS, "2023,SE,FT,Data Scientist,150000,USD,150000,US,100,US,M".split(","), strict=True))
TITLES = ("Data Scientist", "Data Engineer", "Lead ML/AI Engineer", "Analyst", "Head of Données")


def row(**cells: object) -> str:
    """One line of a table; `row(company_size="XL")` breaks the contract."""
    return ",".join(str(cells.get(name, ROW[name])) for name in COLUMNS)


def rows(count: int) -> list[str]:
    """Lines that keep the contract: every category and many salaries."""
    return [
        row(
            work_year=2020 + place % 4,
            experience_level=("EN", "MI", "SE", "EX")[place % 4],
            job_title=TITLES[place % 5],
            salary_in_usd=40_000 + 1_000 * (place * 37 % 101),
            employee_residence=("US", "GB", "NA")[place % 3],
            remote_ratio=(0, 50, 100)[place // 2 % 3],
            company_size="SML"[place // 3 % 3],
        )
        for place in range(count)
    ]


def table(lines: Iterable[str], *, end: str = "\n", header: str = HEADER) -> bytes:
    """The file of these lines."""
    return "".join(line + end for line in (header, *lines)).encode()


def check(lines: Iterable[str]) -> Cleaned:
    """The lines as one block, checked against the contract."""
    block = Block(2, "\n".join(lines).encode())
    return clean(parse(block, COLUMNS), block)


def batch(lines: Iterable[str]) -> pa.RecordBatch:
    """The lines as clean rows."""
    return check(lines).rows

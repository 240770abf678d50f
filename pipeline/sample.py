"""Write a synthetic salary table in the format of the aijobs.net survey: `python -m pipeline.sample`.

The rows are drawn, never copied: only aggregates of the real table (shares, medians, spreads, as of January 2024) are
typed in below. Two sources mix, as they do there: the pay bands of advertisements, two rows each and often posted
again, and single answers to the survey, which are older, more international and more diverse.

Rows come in no order of years, because a shorter table must be the beginning of a longer one. Only uniform
draws, look-ups, comparisons, floor and + - * / make a value: its bits depend neither on the CPU nor on numpy's version.
Source: aggregates of the public-domain (CC0) table of aijobs.net.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
from tqdm import tqdm

from pipeline import params
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

EVENTS = 32_768  # answers and bands drawn at once: bounds the memory; another number is another table
BANDS = 0.88  # share of the events that are pay bands
REPOSTED = 0.48  # share of the bands that repeat an earlier one to the dollar
ABROAD = 0.17  # share of the answers from people who do not live where their company is
BASE = 158_000  # dollars: the middle of a band where every factor is 1
LOWEST, HIGHEST = 15_000, 749_999  # dollars: the range of the real table

# Pay over what the features explain, at the quantiles 0, 1/8, …, 1; answers are lower and more scattered than bands.
NOISE_OF_ANSWERS = np.array([0.30, 0.60, 0.72, 0.82, 0.93, 1.04, 1.18, 1.42, 2.60])
NOISE_OF_BANDS = np.array([0.45, 0.78, 0.86, 0.93, 1.00, 1.07, 1.16, 1.29, 1.90])
# Top of a band over its middle, and middle over bottom, at the same quantiles.
STRETCH = np.array([1.00, 1.08, 1.12, 1.16, 1.20, 1.24, 1.28, 1.36, 1.75])

COLUMNS = (
    *("work_year", "experience_level", "employment_type", "job_title", "salary", "salary_currency", "salary_in_usd"),
    *("employee_residence", "remote_ratio", "company_location", "company_size"),
)
# In each table: the value, its weight among the answers and among the bands (per mille), its factor on the pay.
TABLES = {
    "work_year": "2020 100 0 1.00 | 2021 277 1 0.98 | 2022 299 130 0.94 | 2023 314 754 1.00 | 2024 10 115 1.01",
    "experience_level": "EN 299 48 0.59 | MI 374 213 0.76 | SE 290 711 1.00 | EX 37 28 1.21",
    "employment_type": "FT 944 998 1.00 | CT 21 0.8 0.88 | PT 19 0.8 0.70 | FL 16 0.4 0.68",
    "remote_ratio": "0 140 674 1.00 | 50 302 0.6 0.88 | 100 558 325 0.98",
    "company_size": "S 189 3 0.88 | M 282 954 1.00 | L 529 43 1.08",
}
TITLES = """
Data Engineer             96 233 1.00 | Business Intelligence Engineer  1  17 0.94
Data Scientist           200 207 1.08 | Data Manager                    3  14 0.77
Data Analyst              84 151 0.76 | ML Engineer                     8  12 1.29
Machine Learning Engineer 73 110 1.29 | Data Science                    3   8 1.00
Research Scientist        28  31 1.27 | Data Science Manager           19   8 1.29
Applied Scientist          3  29 1.26 | Machine Learning Scientist     11   8 1.26
Analytics Engineer        11  27 1.05 | Data Specialist                 3   6 0.70
Data Architect             1  26 1.04 | Data Science Consultant        15   5 0.80
Research Engineer          7  19 1.25 | Head of Data                    9   3 1.36
Decision Scientist         1   4 1.10 | Director of Data Science       12   2 1.38
"""
# The long tail of titles: every product of a rank, a field and a role; TAIL is its weight as a whole.
TAIL = (410, 75)
RANKS = "{} 760 860 1.00 | Lead {} 110 50 1.10 | Principal {} 90 40 1.25 | Staff {} 40 50 1.20"
FIELDS = """
AI             130 130 1.15 | Business Intelligence 60 130 0.85 | Machine Learning 60 50 1.25 | MLOps 20 20 1.08
BI              90 140 0.86 | Data Operations       30  60 0.88 | Deep Learning    40 30 1.25 | NLP   40 20 1.15
Data           100  60 0.95 | Data Management       20  40 0.80 | Computer Vision 110 60 1.20
Data Science    70  60 1.05 | Data Integration      20  40 0.85 | Cloud Data       40 20 1.02
Data Analytics  50  70 1.00 | Data Quality          20  40 0.75 | Finance Data     20 10 0.90
"""
ROLES = """
Engineer 380 330 1.05 | Analyst 230 260 0.85 | Developer  150 170 0.98 | Specialist 60 90 0.85
Manager   80  70 1.15 | Architect 60 50 1.20 | Consultant  40  30 0.85
"""
# Each country of a row: currency, share of the pay that is in dollars all the same, weight among the answers, among
# the bands, factor of working for a company there, factor of living there.
COUNTRY_TABLE = """
US USD 1.00 386 904  1.00 1.00 | GB GBP 0.19 63 44  0.86 0.71 | CA CAD 0.80 53 23  1.00 1.00
DE EUR 0.15  80 2.2  0.84 0.76 | FR EUR 0.20 40 1.8 0.76 0.70 | ES EUR 0.06 28 9.3 0.60 0.58
IN INR 0.20  71 0.4  0.54 0.48 | AU AUD 0.60 23 1.6 1.02 0.82 | PL PLN 0.25 11 0.2 0.70 0.66
BR BRL 0.70   7 1.1  0.62 0.60 | MX MXN 0.70  7 0.6 0.76 0.68 | CH CHF 0.10  7 0.1 0.90 0.90
SG SGD 0.20   7 0.1  0.78 0.78 | JP JPY 0.30  6 0.3 0.96 0.74 | TR TRY 0.10  4 0.1 0.52 0.48
DK DKK 0.10   4 0.1  0.70 0.66 | HU HUF 0.25  4 0.1 0.66 0.62 | NO NOK 0.10  3 0.1 0.86 0.78
IL ILS 0.20   3 0.1  1.10 0.94 | TH THB 0.10  3 0.1 0.54 0.52 | ZA ZAR 0.50  2 0.9 0.64 0.56
AT BE FI IE LU NL                      EUR 0.20 9 0.25 0.86 0.74
PT GR IT EE LV LT SI SK HR CY MT       EUR 0.12 4 0.45 0.70 0.58
PR NZ SE KR AE HK SA QA                USD 1.00 2 0.10 0.92 0.80
CO UA AR NG VN PH RU RO EG CZ          USD 1.00 4 0.40 0.74 0.62
PK GH KE CL ID MY EC CR PE BA RS BG AM USD 1.00 2 0.06 0.68 0.56
DZ TN MA LB IR IQ JO UZ KZ GE MD HN DO USD 1.00 1 0.03 0.64 0.54
"""
# Dollars for one unit of the currency, from 2020 to 2024: published yearly averages.
RATE_TABLE = """
USD 1       1       1       1       1       | TRY 0.142 0.113 0.0604 0.0422 0.0332 | BRL 0.194 0.185 0.194 0.200  0.203
INR 0.0135  0.0135  0.0127  0.0121  0.0120  | GBP 1.284 1.376 1.237  1.244  1.271  | CHF 1.066 1.094 1.047 1.113  1.164
MXN 0.0466  0.0493  0.0497  0.0564  0.0586  | CAD 0.746 0.798 0.769  0.741  0.746  | SGD 0.725 0.744 0.725 0.745  0.746
JPY 0.00937 0.00911 0.00761 0.00711 0.00684 | EUR 1.142 1.183 1.053  1.081  1.091  | DKK 0.153 0.159 0.141 0.145  0.146
HUF 0.00325 0.00330 0.00269 0.00283 0.00285 | AUD 0.690 0.751 0.695  0.664  0.666  | NOK 0.106 0.116 0.104 0.0947 0.0962
THB 0.0320  0.0313  0.0286  0.0288  0.0283  | PLN 0.256 0.259 0.224  0.238  0.251  | ILS 0.291 0.310 0.298 0.271  0.271
ZAR 0.0608  0.0677  0.0611  0.0542  0.0532
"""


class Row(NamedTuple):
    """One value of a feature: its weight among the answers and among the bands, and its factor on the pay."""

    label: str
    answers: float
    bands: float
    pay: float


@dataclass(frozen=True)
class Feature:
    """The values of one feature, ready to be drawn.

    Shape: answers and bands (values - 1,), the inner bounds of the values' intervals in [0, 1); pay (values,).
    """

    labels: pa.Array
    answers: Floats
    bands: Floats
    pay: Floats

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Cut [0, 1) in proportion to the weights, once for answers and once for bands."""
        labels, *weights, pay = zip(*rows, strict=True)
        answers, bands = (np.cumsum(weight)[:-1] / np.cumsum(weight)[-1] for weight in weights)
        return cls(pa.array(labels), answers, bands, np.array(pay))

    def draw(self, uniform: Floats, band: Mask) -> Codes:
        """The codes of values that uniform draws from [0, 1) select. Shape: all (events,)."""
        answers, bands = (np.searchsorted(bounds, uniform, side="right") for bounds in (self.answers, self.bands))
        return np.where(band, bands, answers)


def _cells(table: str, *, figures: int) -> list[list[str]]:
    """Each cell's label and its so many figures: with 2, `Head of Data 9 3` is Head of Data, 9 and 3."""
    return [cell.strip().rsplit(maxsplit=figures) for cell in table.replace("\n", "|").split("|") if cell.strip()]


def _rows(table: str) -> list[Row]:
    return [Row(label, *map(float, figures)) for label, *figures in _cells(table, figures=3)]


def _titles() -> list[Row]:
    """The frequent titles, then every composed one that is not among them."""
    frequent, tail = _rows(TITLES), {}
    for rank, field, role in itertools.product(_rows(RANKS), _rows(FIELDS), _rows(ROLES)):
        label = rank.label.format(f"{field.label} {role.label}")
        answers = TAIL[0] * rank.answers * field.answers * role.answers / 1e9
        bands = TAIL[1] * rank.bands * field.bands * role.bands / 1e9
        tail[label] = Row(label, answers, bands, rank.pay * field.pay * role.pay)
    return frequent + [tail[label] for label in tail if label not in {row.label for row in frequent}]


_COUNTRY_ROWS = [(code, *figures) for codes, *figures in _cells(COUNTRY_TABLE, figures=6) for code in codes.split()]
CODES, HOME_CURRENCIES, *_FIGURES = zip(*_COUNTRY_ROWS, strict=True)
IN_DOLLARS, ANSWERS, BANDS_THERE, WORKING_THERE, LIVING_THERE = np.array(_FIGURES, float)  # (countries,) each
ROWS = {name: _rows(table) for name, table in TABLES.items()} | {
    "job_title": _titles(),
    "company_location": list(map(Row, CODES, ANSWERS, BANDS_THERE, WORKING_THERE)),
    # Drawn for those who live abroad: any country, all alike.
    "employee_residence": [Row(code, 1, 1, pay) for code, pay in zip(CODES, LIVING_THERE, strict=True)],
}
FEATURES = {name: Feature.of(ROWS[name]) for name in COLUMNS if name in ROWS}  # they are drawn in this order
CURRENCIES, *_RATE_COLUMNS = zip(*_cells(RATE_TABLE, figures=5), strict=True)
RATES = np.array(_RATE_COLUMNS, float).T  # (currencies, years)
HOME_CURRENCY_CODES = np.array([CURRENCIES.index(currency) for currency in HOME_CURRENCIES])  # (countries,) codes
LABELS = {name: feature.labels for name, feature in FEATURES.items()} | {"salary_currency": pa.array(CURRENCIES)}
SCHEMA = pa.schema(
    [(name, pa.dictionary(pa.int32(), pa.string()) if name in LABELS else pa.int64()) for name in COLUMNS]
)


def _between(table: Floats, uniform: Floats) -> Floats:
    """Linear interpolation in a table of octiles; by hand, as a compiler may fuse the two roundings of np.interp."""
    position = uniform * 8
    left = position.astype(np.intp)
    return table[left] + (table[left + 1] - table[left]) * (position - left)


def _originals(band: Mask, again: Floats, earlier: tuple[Floats, Floats]) -> Codes:
    """Which event each event repeats: itself, or for some bands an earlier band. Shape: all (events,)."""
    order = np.arange(len(band))
    # The later of two earlier events: with one draw alone, copies of the first few bands would fill the table.
    source = (np.maximum(*earlier) * order).astype(np.intp)
    source = np.where(band & band[source] & (again < REPOSTED), source, order)
    while (source != source[source]).any():  # what repeats a repeat repeats the original
        source = source[source]
    return source


def _block(seed: int, number: int) -> pa.Table:
    """Every row of one block, from a random stream of the block's own."""
    uniform = iter(np.random.Generator(np.random.PCG64((seed, number))).random((len(FEATURES) + 8, EVENTS)))
    band = next(uniform) < BANDS
    code = {name: feature.draw(next(uniform), band) for name, feature in FEATURES.items()}
    abroad = ~band & (next(uniform) < ABROAD)
    code["employee_residence"] = np.where(abroad, code["employee_residence"], code["company_location"])
    noise = next(uniform)
    middle = BASE * np.where(band, _between(NOISE_OF_BANDS, noise), _between(NOISE_OF_ANSWERS, noise))
    for name, feature in FEATURES.items():
        middle *= feature.pay[code[name]]
    stretch = np.where(band, _between(STRETCH, next(uniform)), 1)
    in_dollars = next(uniform) < IN_DOLLARS[code["company_location"]]
    code["salary_currency"] = np.where(in_dollars, 0, HOME_CURRENCY_CODES[code["company_location"]])

    # From events to rows: a band becomes two, its top and its bottom.
    event = np.repeat(np.arange(EVENTS), 1 + band)
    bottom = np.append(False, event[1:] == event[:-1])
    event = _originals(band, next(uniform), (next(uniform), next(uniform)))[event]
    code = {name: codes[event] for name, codes in code.items()}
    dollars = np.where(bottom, middle[event] / stretch[event], middle[event] * stretch[event])
    return _table(code, dollars)


def _table(code: dict[str, Codes], dollars: Floats) -> pa.Table:
    """Name the codes and pay the dollars in the row's currency. Shape: everything (rows,)."""
    rate = RATES[code["salary_currency"], code["work_year"]]
    # Odd amounts, which real pay is rarely: no row here is easily taken for a real one, or equals one by chance.
    salary = 2 * np.floor(dollars.clip(LOWEST, HIGHEST) / rate / 2) + 1
    text = {name: pa.DictionaryArray.from_arrays(codes.astype(np.int32), LABELS[name]) for name, codes in code.items()}
    number = {"salary": salary, "salary_in_usd": np.floor(salary * rate + 0.5)}
    return pa.table({**text, **number}, schema=SCHEMA)


def generate(rows: int, *, seed: int) -> Iterator[pa.Table]:
    """The first rows of the endless table that the seed names, in blocks of at most 2 * EVENTS rows.

    Raises: ValueError if rows < 1 or seed < 0.

    >>> [block.num_rows for block in generate(3, seed=0)]
    [3]
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    for number in itertools.count():
        block = _block(seed, number)[:rows]
        yield block
        rows -= block.num_rows
        if rows == 0:
            return


def write(out: Path, *, rows: int, seed: int) -> None:
    """Write the table as CSV; `out` is replaced only once the table is complete.

    Raises: ValueError as `generate`; FileNotFoundError if the folder of `out` does not exist.
    """
    if not out.parent.is_dir():
        raise FileNotFoundError(f"the folder of --out must exist, got {out.parent}: create it first")
    like_the_real_file = pa.csv.WriteOptions(eol="\r\n", quoting_style="none", quoting_header="none")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".sample-") as folder:
        part = Path(folder) / out.name
        with (
            pa.csv.CSVWriter(part, SCHEMA, write_options=like_the_real_file) as file,
            tqdm(total=rows, unit="rows", unit_scale=True, disable=None) as bar,  # None: shown on a terminal only
        ):
            for block in generate(rows, seed=seed):
                file.write_table(block)
                bar.update(block.num_rows)
        part.replace(out)


def main(argv: Sequence[str] | None = None) -> None:
    """Write a synthetic table: `python -m pipeline.sample --rows 4000 --seed 20240128 --out data/raw/salaries.csv`."""
    parser = argparse.ArgumentParser(description="Write a synthetic salary table in the format of the real one.")
    parser.add_argument("--rows", type=whole(1), required=True, help="how many rows, at least 1")
    parser.add_argument(
        "--seed", type=whole(0), required=True, help="which table; the same arguments give the same bytes"
    )
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write, in a folder that exists")
    arguments = parser.parse_args(argv)
    with command("sample"):
        params.check()
        write(arguments.out, rows=arguments.rows, seed=arguments.seed)


if __name__ == "__main__":
    main()

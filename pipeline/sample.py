"""Write a synthetic salary table in the format of the aijobs.net survey: `python -m pipeline.sample`.

The rows are drawn, never copied: only aggregates of the real table (shares, factors, spreads) are typed in below. Two
sources mix, as they do there: the pay bands of advertisements, two rows each and often posted again, and single answers
to the survey, which are older, more international and more diverse.

Rows come in no order of years, because a shorter table must be the beginning of a longer one. Only uniform
draws, look-ups, comparisons, floor and + - * / make a value: its bits depend neither on the CPU nor on numpy's version.
Source: aggregates of the public-domain (CC0) table of aijobs.net of 28 July 2024, 32,206 rows. Weights are shares of
its bands and answers. Factors are the exponentials of weights of one least-squares fit: the logarithm of the middle of
each distinct band, or of the answer, on every feature and every interaction below.
"""

import argparse
import itertools
import math
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
from pipeline.runtime.arguments import command_parser, whole
from pipeline.runtime.command import command

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

EVENTS = 32_768  # answers and bands drawn at once: bounds the memory; another number is another table
# Per mille of the events that are answers, and pay bands of 2022, 2023 and 2024: an event's origin.
ORIGINS = (51, 43, 251, 655)
REPOSTED = 0.52  # share of the bands that repeat an earlier one to the dollar: half of the rows are distinct
ABROAD = 0.16  # share of the answers from people who do not live where their company is
BASE = 152_000  # dollars: the middle of a band where every factor is 1
LOWEST, HIGHEST = 15_000, 749_999  # dollars: nearly the range of the real table

# Pay over what the features explain, at the quantiles 0, 1/8, …, 1; answers are lower and more scattered than bands.
NOISE_OF_ANSWERS = np.array([0.35, 0.57, 0.71, 0.80, 0.89, 1.01, 1.16, 1.41, 2.68])
NOISE_OF_BANDS = np.array([0.55, 0.75, 0.86, 0.94, 1.01, 1.09, 1.18, 1.31, 1.66])
# Top of a band over its middle, and middle over bottom, at the same quantiles.
STRETCH = np.array([1.02, 1.07, 1.12, 1.16, 1.20, 1.24, 1.30, 1.39, 1.68])

COLUMNS = (
    *("work_year", "experience_level", "employment_type", "job_title", "salary", "salary_currency", "salary_in_usd"),
    *("employee_residence", "remote_ratio", "company_location", "company_size"),
)
# In each table: the value, its weight among the events of each origin (per mille), its factor on the pay.
TABLES = {
    "work_year": """
        2020 88 0 0 0 1.19 | 2021 246 0 0 0 1.13 | 2022 273 1 0 0 0.98 | 2023 288 0 1 0 1.00 | 2024 105 0 0 1 1.04""",
    "experience_level": """
        EN 298  25  47  96 0.68 | MI 363 196 197 315 0.85
        SE 301 755 728 569 1.00 | EX  38  24  28  20 1.12""",
    "employment_type": """
        FT 942 1000 999.3 998.1 1.00 | CT 22 0 0.5 0.6 0.89 | PT 19 0 0.2 1.3 0.72 | FL 17 0 0 0 0.90""",
    "remote_ratio": "0 151 480 693 815 1.00 | 50 301 0 0 0 0.99 | 100 548 520 307 185 1.00",
    "company_size": "S 183 10 2 0.6 0.88 | M 301 932 955 977.7 1.00 | L 516 58 43 21.7 0.99",
}
TITLES = {
    "engineer": """
Data Engineer                   88 334 222 150 1.00 | AI Engineer                     18  0  5 10 1.11
Machine Learning Engineer       79  74 127 112 1.26 | BI Developer                     2  1  7  4 0.76
Software Engineer                0   0   0  95 1.22 | Business Intelligence Developer  1  0  2  4 0.74
Analytics Engineer              12  38  26  19 1.03 | Computer Vision Engineer        13  0  2  2 1.20
Business Intelligence Engineer   0   0  20  10 0.87 | AI Developer                    15  0  1  1 1.05
Data Architect                   1  33  24  23 1.02 | Big Data Engineer               14  0  0  0 0.92""",
    "analyst": """
Data Analyst                    88 177 151 113 0.79 | Data Specialist                  2  7  4  6 0.65
Business Intelligence Analyst    1   0   9  12 0.83 | Associate                        0  0  0  7 1.00
Business Intelligence            0   0   0  11 0.91 | Data Modeler                     0  0  4  2 0.91
Research Analyst                 1   0   7   8 0.82 | BI Analyst                       5  1  3  2 0.86
Business Data Analyst           25   0   0   0 0.80 | BI Data Analyst                 22  0  0  0 0.79""",
    "scientist": """
Data Scientist                 245 269 227 202 1.08 | Decision Scientist               0  0  5  2 0.95
Applied Data Scientist          15   0   0   0 1.09 | AI Scientist                    24  0  0  1 0.97""",
    "research": """
Research Scientist              25   6  34  49 1.26 | Research Engineer                7  3 20 22 1.19
Applied Scientist                4  13  34  23 1.23 | Machine Learning Scientist       9  7  8  6 1.18""",
    "manager": """
Data Manager                     2   4  16   9 0.73 | Product Manager                  0  0  0  5 1.35
Data Analytics Manager           7   4   4   2 0.98 | Engineering Manager              0  0  0  4 1.76
Head of Data                     8   1   3   2 1.20""",
}
# The long tail of titles: every product of a rank, a field and a role; TAIL is its weight as a whole.
TAIL = (264, 28, 36, 80)
RANKS = "{} 822 1000 994 984 1.00 | Lead {} 90 0 2 4 1.08 | Principal {} 69 0 2 8 1.34 | Staff {} 19 0 2 4 1.14"
FIELDS = """
AI                    125   0 58 69 1.24 | Data Quality         6 0 78 34 0.77 | Data Governance  3 0 0 26 0.94
Data                  137   0 84 29 1.00 | Data Visualization   3 0 52 27 0.80 | Software         6 0 0 68 1.03
Machine Learning       75 150 45 26 1.20 | Data Product         0 0 45 35 1.05 | Systems          0 0 0 57 1.07
Data Operations         0 300 65 40 0.74 | Data Infrastructure  0 0 39 15 1.30 | Site Reliability 0 0 0 42 1.25
Data Analytics         34   0 19 42 0.96 | NLP                  9 0 39  5 1.05 | DevOps           0 0 0 28 0.88
Data Integration        3   0 45 32 0.86 | Data Management      3 0 26 52 0.74 | Backend          0 0 0 23 1.18
Business Intelligence   6   0 32 31 0.92 | ETL                  3 250 39 11 0.83 | Platform       0 0 0 20 0.97
MLOps                   6  50 39 20 1.09 | AI Research         40 0  0  0 0.97 | Robotics         0 0 0 20 0.90
"""
ROLES = {
    "engineer": "Engineer 283 500 344 373 1.08 | Developer 72 250 84 83 0.96 | Architect 31 0 32 58 1.29",
    "analyst": "Analyst 252 100 136 113 0.78 | Specialist 9 0 117 75 0.80 | Associate 3 0 0 16 0.67",
    "scientist": "Scientist 243 0 6 12 1.11",
    "research": "Researcher 16 100 32 24 1.17",
    "manager": "Manager 16 50 91 74 1.08 | Lead 25 0 65 78 1.01",
}
# Each country of a row: currency, share of the pay that is in dollars all the same, weight among the events of each
# origin, factor of working for a company there, factor of living there.
COUNTRY_TABLE = """
US USD 1.00 373 873 910 925 1.00 1.00 | GB GBP 0.14 63 52 45   24.5 0.89 0.84
CA CAD 0.89  53  17  22  32 0.96 0.94 | DE EUR 0.24 81  3  1.7  2.2 0.95 0.92
ES EUR 0.05  27  26   7 0.8 0.76 0.66 | FR EUR 0.25 40  4  1.7  1.1 0.90 0.86
IN INR 0.26  72   0 0.2 0.6 0.69 0.58 | AU AUD 0.74 20  0  1.7  2.1 1.03 1.05
BR BRL 0.75   8   6 0.5 0.7 0.73 0.62 | MX MXN 0.90  8  1  0.5  0.5 0.83 0.75
PL PLN 0.20  13   0 0.2 0.3 0.81 0.73 | ZA ZAR 0.30  1  0  0.5  1.0 0.73 0.62
TR TRY 0.50   8   0   0 0.5 0.66 0.54 | CH CHF 0.00 11  0  0    0   1.17 1.26
JP JPY 0.50   7   1   0   0 1.01 1.02 | DK DKK 0.00  7  0  0    0   0.97 0.96
SG SGD 0.00   6   0   0   0 1.03 1.05 | HU HUF 0.25  5  0  0    0   0.78 0.68
IL ILS 0.50   5   0   0 0.2 1.06 1.10 | NO NOK 0.10  3  0  0    0   0.89 0.84
TH THB 0.33   4   0   0   0 0.67 0.55
AT BE FI IE LU NL                      EUR 0.17 9 0.2 0.1 0.4  0.89 0.83
PT GR IT EE LV LT SI SK HR CY MT       EUR 0.10 3 1.0 0.4 0.2  0.75 0.65
PR NZ SE KR AE HK SA QA                USD 1.00 2 0.5 0   0.1  1.00 1.00
CO UA AR NG VN PH RU RO EG CZ          USD 1.00 4 0   0.3 0.2  0.81 0.73
PK GH KE CL ID MY EC CR PE BA RS BG AM USD 1.00 2 0   0   0.02 0.76 0.66
DZ TN MA LB IR IQ JO UZ KZ GE MD HN DO USD 1.00 1 0   0   0.01 0.95 0.93
"""
# What follows stands by family of titles, in the order above, and by region of the company, in this order.
REGIONS = ("US", "CA", "GB", "elsewhere")
# How much more often a level is met in a family than among all titles, and in a region than in the US.
LEVELS_BY_FAMILY = """
    EN 0.39 3.41 0.44 0.90 0.13 | MI 0.93 0.94 1.03 1.19 1.63
    SE 1.11 0.73 1.06 0.96 0.69 | EX 1.01 0.62 1.10 0.13 4.98"""
LEVELS_BY_REGION = """
    EN 1.00 1.00 1.84 1.25 | MI 1.00 1.10 1.60 1.14
    SE 1.00 0.96 0.64 0.89 | EX 1.00 0.96 1.07 0.74"""
# What one value is worth differs with another: factors on top of those above, 1.00 where under ten rows were known.
INTERACTIONS = {
    ("experience_level", "family"): """
        EN 1.00 1.09 0.90 1.12 1.00 | MI 1.00 0.96 0.97 1.07 1.02
        SE 1.00 1.00 1.00 1.00 1.00 | EX 1.00 0.99 1.08 1.00 1.10""",
    ("experience_level", "region"): """
        EN 1.00 0.99 0.87 0.81 | MI 1.00 0.96 0.89 0.83
        SE 1.00 1.00 1.00 1.00 | EX 1.00 0.97 1.03 1.01""",
    ("remote_ratio", "region"): "0 1.00 1.00 1.00 1.00 | 50 1.00 0.97 1.16 0.79 | 100 1.00 1.06 0.99 0.87",
    # levels: EN, MI, SE, EX
    ("remote_ratio", "experience_level"): "0 1.00 1.00 1.00 1.00 | 50 0.98 1.03 1.00 1.00 | 100 0.91 0.97 1.00 1.11",
    ("work_year", "region"): """
        2020 1.00 1.00 1.00 0.73 | 2021 1.00 1.00 0.80 0.71 | 2022 1.00 0.97 0.89 0.91
        2023 1.00 1.00 1.00 1.00 | 2024 1.00 0.95 0.77 0.96""",
}
# How far the noise of bands reaches by level and region, over seniors in the US (at most 1.60; EX elsewhere is known
# from few rows), and how wide bands are by region.
SPREAD = """
    EN 1.31 1.02 1.39 1.60 | MI 1.19 1.11 1.44 1.40
    SE 1.00 1.05 1.31 1.50 | EX 1.12 1.20 1.32 1.30"""
WIDTH = np.array([1.00, 1.00, 0.70, 0.85])
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
    """One value of a feature: its weights, one for each origin of an event, and its factor on the pay."""

    label: str
    weights: tuple[float, ...]
    pay: float


@dataclass(frozen=True)
class Feature:
    """The values of one feature, ready to be drawn.

    Shape: bounds (columns, values - 1), the inner bounds of the values' intervals in [0, 1); pay (values,).
    """

    labels: pa.Array
    bounds: Floats
    pay: Floats

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Cut [0, 1) in proportion to the weights, once for each column of them."""
        labels, weights, pay = zip(*rows, strict=True)
        sums = np.cumsum(np.array(weights), axis=0).T
        return cls(pa.array(labels), sums[:, :-1] / sums[:, -1:], np.array(pay))

    def draw(self, uniform: Floats, column: Codes) -> Codes:
        """The codes of values that uniform draws from [0, 1) select, each by its column. Shape: all (events,)."""
        codes = np.empty_like(column)
        for number, bounds in enumerate(self.bounds):
            here = column == number
            codes[here] = np.searchsorted(bounds, uniform[here], side="right")
        return codes


def _cells(table: str, *, figures: int) -> list[list[str]]:
    """Each cell's label and its so many figures, or all: with 2, `Head of Data 9 3` is Head of Data, 9 and 3."""
    return [cell.strip().rsplit(maxsplit=figures) for cell in table.replace("\n", "|").split("|") if cell.strip()]


def _rows(table: str) -> list[Row]:
    cells = _cells(table, figures=len(ORIGINS) + 1)
    return [Row(label, tuple(map(float, weights)), float(pay)) for label, *weights, pay in cells]


def _grid(table: str) -> Floats:
    """The figures of a table whose rows and columns are values of two features. Shape: (rows, columns)."""
    return np.array([figures for _, *figures in _cells(table, figures=-1)], float)


def _composed(rank: Row, field: Row, role: Row) -> Row:
    """A title of the tail."""
    weights = map(math.prod, zip(rank.weights, field.weights, role.weights, strict=True))
    return Row(rank.label.format(f"{field.label} {role.label}"), tuple(weights), rank.pay * field.pay * role.pay)


def _titles() -> list[tuple[str, Row]]:
    """Each title with its family: the frequent ones, then every composed one that is not among them."""
    frequent = [(family, row) for family, table in TITLES.items() for row in _rows(table)]
    known = {row.label for _, row in frequent}
    roles = [(family, row) for family, table in ROLES.items() for row in _rows(table)]
    parts = itertools.product(_rows(RANKS), _rows(FIELDS), roles)
    tail = [(family, _composed(rank, field, role)) for rank, field, (family, role) in parts]
    tail = [(family, row) for family, row in tail if row.label not in known]
    sums = [math.fsum(weights) for weights in zip(*(row.weights for _, row in tail), strict=True)]
    scale = np.array(TAIL) / sums
    return frequent + [(family, row._replace(weights=tuple(row.weights * scale))) for family, row in tail]


def _levels() -> list[Row]:
    """The levels with a weight for each origin, family and region; the last changes fastest."""
    levels = zip(_rows(TABLES["experience_level"]), _grid(LEVELS_BY_FAMILY), _grid(LEVELS_BY_REGION), strict=True)
    return [
        level._replace(weights=tuple(math.prod(weights) for weights in itertools.product(level.weights, *more)))
        for level, *more in levels
    ]


_COUNTRY_ROWS = [(code, *figures) for codes, *figures in _cells(COUNTRY_TABLE, figures=8) for code in codes.split()]
CODES, HOME_CURRENCIES, *_FIGURES = zip(*_COUNTRY_ROWS, strict=True)
IN_DOLLARS, *_WEIGHTS, WORKING_THERE, LIVING_THERE = np.array(_FIGURES, float)  # (countries,) each
_FAMILIES, _TITLE_ROWS = zip(*_titles(), strict=True)
ROWS = {name: _rows(table) for name, table in TABLES.items()} | {
    "experience_level": _levels(),
    "job_title": _TITLE_ROWS,
    "company_location": list(map(Row, CODES, zip(*_WEIGHTS, strict=True), WORKING_THERE)),
    # Drawn for those who live abroad: any country, all alike.
    "employee_residence": [Row(code, (1,) * len(ORIGINS), pay) for code, pay in zip(CODES, LIVING_THERE, strict=True)],
}
FEATURES = {name: Feature.of(ROWS[name]) for name in COLUMNS if name in ROWS}
FAMILY_OF_TITLE = np.array([list(TITLES).index(family) for family in _FAMILIES])  # (titles,) codes
REGION_OF_COUNTRY = np.array([REGIONS.index(code if code in REGIONS else "elsewhere") for code in CODES])
SPREADS = _grid(SPREAD)  # (levels, regions)
FACTORS = {names: _grid(table) for names, table in INTERACTIONS.items()}
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


def _values(uniform: Iterator[Floats], origin: Codes) -> dict[str, Codes]:
    """The codes of every feature's values, and of the families and regions they belong to. Shape: all (events,)."""
    first = ("job_title", "company_location")
    code = {name: FEATURES[name].draw(next(uniform), origin) for name in first}
    code["family"] = FAMILY_OF_TITLE[code["job_title"]]
    code["region"] = REGION_OF_COUNTRY[code["company_location"]]
    cell = (origin * len(TITLES) + code["family"]) * len(REGIONS) + code["region"]
    for name, feature in FEATURES.items():
        if name not in first:
            code[name] = feature.draw(next(uniform), cell if name == "experience_level" else origin)
    abroad = (origin == 0) & (next(uniform) < ABROAD)
    code["employee_residence"] = np.where(abroad, code["employee_residence"], code["company_location"])
    return code


def _middle(code: dict[str, Codes], origin: Codes, noise: Floats) -> Floats:
    """Each answer, or the middle of each band, in dollars. Shape: all (events,)."""
    spread = SPREADS[code["experience_level"], code["region"]]
    noise_of_bands = 1 + spread * (_between(NOISE_OF_BANDS, noise) - 1)
    middle = BASE * np.where(origin > 0, noise_of_bands, _between(NOISE_OF_ANSWERS, noise))
    for name, feature in FEATURES.items():
        middle *= feature.pay[code[name]]
    for (rows, columns), factors in FACTORS.items():
        middle *= factors[code[rows], code[columns]]
    return middle


def _block(seed: int, number: int) -> pa.Table:
    """Every row of one block, from a random stream of the block's own."""
    uniform = iter(np.random.Generator(np.random.PCG64((seed, number))).random((len(FEATURES) + 8, EVENTS)))
    origin = np.searchsorted(np.cumsum(ORIGINS)[:-1] / sum(ORIGINS), next(uniform), side="right")
    band = origin > 0
    code = _values(uniform, origin)
    middle = _middle(code, origin, next(uniform))
    stretch = np.where(band, 1 + WIDTH[code["region"]] * (_between(STRETCH, next(uniform)) - 1), 1)
    in_dollars = next(uniform) < IN_DOLLARS[code["company_location"]]
    code["salary_currency"] = np.where(in_dollars, 0, HOME_CURRENCY_CODES[code["company_location"]])

    # From events to rows: a band becomes two, its top and its bottom.
    event = np.repeat(np.arange(EVENTS), 1 + band)
    bottom = np.append(False, event[1:] == event[:-1])
    event = _originals(band, next(uniform), (next(uniform), next(uniform)))[event]
    dollars = np.where(bottom, middle[event] / stretch[event], middle[event] * stretch[event])
    return _table({name: code[name][event] for name in LABELS}, dollars)


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


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    about = "Write a synthetic salary table in the format of the real one."
    examples = ["--rows 4000 --seed 20240728 --out data/raw/salaries.csv"]
    parser = command_parser("sample", about, examples=examples)
    parser.add_argument("--rows", type=whole(1), required=True, help="how many rows, at least 1")
    parser.add_argument(
        "--seed", type=whole(0), required=True, help="which table; the same arguments give the same bytes"
    )
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write, in a folder that exists")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write a synthetic table: `python -m pipeline.sample --rows 4000 --seed 20240728 --out data/raw/salaries.csv`."""
    given = arguments().parse_args(argv)
    with command("sample"):
        params.check()
        write(given.out, rows=given.rows, seed=given.seed)


if __name__ == "__main__":
    main()

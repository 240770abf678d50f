"""The data contract of the raw table: its columns, their rules and roles, and the target's unit, named nowhere else.

Another table has another class here and other constants before it; what follows the class is the same for any table.
docs/your-own-columns.md shows how.
"""

from pipeline.data.rules import Role, rules_of, text, whole_number
from pipeline.runtime.escape import INVISIBLE

VERSION = 2  # rises when a rule changes what a model may have seen

# dvc.yaml reads these from this file's text: each is one assignment of a plain string.
NOUN = "salary"
PLURAL = "salaries"
UNIT = "USD"
SUFFIX = "usd"  # of the names of numbers in UNIT
SIGN = "$"
UNIT_NAME = "US dollars"
GROUP = "experience_level"  # the feature within whose values intervals hold, too
AUDITED = ("employee_residence", "experience_level", "company_size", "employment_type")
"""Features by whose values evaluate tells whether a model is wrong about some people more than about others."""

STEP = 10_000
"""A difference in UNIT that matters: residuals are counted in such steps, and intervals get no narrower below it."""

TEXT, WORDS = "job_title", tuple(f"title_word_{number}" for number in range(1, 7))
"""The nominal feature whose first words are encoded, too, and the names of their columns; "" and () for none."""

ESTIMATED_VALUES = {"work_year": r"^([0-9]{4})e$"}
"""Features whose values may be marked as estimates: the pattern of such a text, whose first group is the value.

Until February 2022 the publisher wrote `2021e` for the running year. It is read as 2021, and counted; {} for none.
"""
ESTIMATED_ROWS = "rows_with_estimated_year"  # how prepare.json calls their count


class Salaries:
    """One row per salary, of the aijobs.net survey's format. A number that is not a whole number arrives here as null.

    Oddities of the real table that the contract accepts:

    - work_year may read `2021e`, see `ESTIMATED_VALUES`;
    - equal rows: up to half of the table, so rows are never asserted to be unique;
    - adjacent rows are often the top and the bottom of one advertisement's pay band;
    - `NA` is Namibia, so no text ever means "missing";
    - salaries from 11 USD: 2021 has a few that are surely hourly, and they stay;
    - salary and salary_currency give the target away: they are checked, and never become features.
    """

    work_year = whole_number(
        ge=2000,
        le=2100,
        description="a year from 2000 to 2100, such as 2023 (2021e is read as 2021)",
        role=Role.ORDINAL,
    )
    experience_level = text(isin=["EN", "MI", "SE", "EX"], description="one of EN, MI, SE, EX", role=Role.ORDINAL)
    employment_type = text(isin=["PT", "FT", "CT", "FL"], description="one of PT, FT, CT, FL", role=Role.NOMINAL)
    job_title = text(
        # "Data Engineer", not " Data", "" or "a\tb"; \Z is the very end, $ would allow a line feed behind it.
        str_matches=rf"^[^\s{INVISIBLE}](?:[^{INVISIBLE}]{{0,98}}[^\s{INVISIBLE}])?\Z",
        description="1 to 100 characters, without blanks around them, control or invisible characters",
        role=Role.NOMINAL,
    )
    salary = whole_number(
        ge=1,
        le=1_000_000_000,
        description="a whole number from 1 to 1000000000, digits only (in salary_currency)",
        role=Role.FORBIDDEN,
    )
    salary_currency = text(str_matches=r"^[A-Z]{3}\Z", description="an ISO 4217 code such as USD", role=Role.FORBIDDEN)
    salary_in_usd = whole_number(
        ge=1, le=10_000_000, description="a whole number from 1 to 10000000, digits only", role=Role.TARGET
    )
    employee_residence = text(str_matches=r"^[A-Z]{2}\Z", description="an ISO 3166 code such as US", role=Role.NOMINAL)
    remote_ratio = whole_number(isin=[0, 50, 100], description="one of 0, 50, 100", role=Role.ORDINAL)
    company_location = text(str_matches=r"^[A-Z]{2}\Z", description="an ISO 3166 code such as US", role=Role.NOMINAL)
    company_size = text(isin=["S", "M", "L"], description="one of S, M, L", role=Role.ORDINAL)


RULES = rules_of(Salaries)

# What the model card says of this table: prose, its lines broken at 120 characters.
CARD_PROJECT = "salary-pipeline"
CARD_TITLE = f"A regression of data-science {PLURAL}"
CARD_USE = """\
To learn and to teach with, as a baseline for other models, and for a rough idea of what such jobs paid in the years of
the training rows."""
CARD_MISUSE = """\
- Decisions about a person: nobody's pay, offer, credit, tax, residence permit or hiring may hang on it.
- A claim that somebody is paid fairly or not: it tells what such rows said, and not what work is worth.
- Countries, levels and kinds of employment that the fairness table calls beyond the limits, or too few to tell."""
CARD_TARGET = f"The gross {NOUN} of one year in {UNIT_NAME}"
CARD_FORMAT = "the aijobs.net survey"
CARD_KNOWLEDGE = "real pay"
"""What rows that are all synthetic say nothing about."""
CARD_LIMITS = """\
- A real table of the survey is no sample of all who work. Its answers are self-reported and unverified, most rows of
  later tables are the two ends of advertised pay bands, and the United States have 87 % of the table of January 2024.
- Other countries are guessed from few rows, and so are part-time, freelance and executive jobs.
- Salaries in other currencies count at the publisher's exchange rates: a year's rate is part of the salary.
- It knows no inflation and no year after those of the training rows."""
CARD_UNSEEN = """\
What the survey does not ask (skills, employer,
  city, hours) the model cannot see, however much pay depends on it."""
CARD_LICENCE = f"""\
That of {CARD_PROJECT}, MIT, as far as it goes: of another table than the sample, its owner's terms hold as well."""
CARD_LICENCE_TAG = "mit"
"""The licence by the name that model hubs know."""

# From here on everything is the same for any table.

NORMALISED, HASH = "target", "row_hash"
"""The columns of an encoded row beside the codes and the target in UNIT."""

WHOLE_NUMBER = r"^(0|-?[1-9][0-9]{0,17})$"
"""Digits only, such as `150000` or `-3`: `1e5`, `150,000`, `12.5`, `007`, `-0` and `nan` are not whole numbers."""

COLUMNS: tuple[str, ...] = tuple(RULES)
NUMBERS: frozenset[str] = frozenset(name for name, rule in RULES.items() if rule.kind is int)


def with_role(*roles: Role) -> tuple[str, ...]:
    """The columns that have one of the roles."""
    return tuple(name for name, rule in RULES.items() if rule.role in roles)


FEATURES: tuple[str, ...] = with_role(Role.ORDINAL, Role.NOMINAL)
ORDINALS: tuple[str, ...] = with_role(Role.ORDINAL)
AMOUNTS: tuple[str, ...] = tuple(name for name in COLUMNS if name in NUMBERS and name not in FEATURES)
"""Numbers that hardly repeat: they stay plain columns where all others are dictionaries of few values."""
(TARGET,) = with_role(Role.TARGET)
if _unknown := sorted({GROUP, *AUDITED, *ESTIMATED_VALUES, TEXT} - {*FEATURES, ""}):
    _rule = "GROUP, AUDITED, TEXT and ESTIMATED_VALUES must name features"
    raise ValueError(f"schema.py: {_rule}, found {', '.join(_unknown)}")
SMALLEST, LARGEST = RULES[TARGET].bounds


def columns_of(feature: str) -> tuple[str, ...]:
    """The columns of an encoded row that a feature has: one, and of TEXT those of its words, too."""
    return (feature, *WORDS) if feature == TEXT else (feature,)


def in_unit(name: str, *, power: int = 1) -> str:
    """A number's name with the target's unit: with UNIT dollars, rmse becomes rmse_usd, mse to the power 2 mse_usd2."""
    return f"{name}_{SUFFIX}{power if power > 1 else ''}"


MSE, RMSE, MAE = in_unit("mse", power=2), in_unit("rmse"), in_unit("mae")
"""How the metrics name the mean squared error, its root and the mean absolute error."""


def requirement(column: str) -> str:
    """The column's rule, in words."""
    return f"{column} must be {RULES[column].description}"

"""The contract of a table of flats: what stands in pipeline/data/schema.py before the part for any table."""

from pipeline.data.rules import Role, rules_of, text, whole_number

VERSION = 1  # rises when a rule changes what a model may have seen

# dvc.yaml reads these from this file's text: each is one assignment of a plain string.
NOUN = "rent"
PLURAL = "rents"
UNIT = "EUR"
SUFFIX = "eur"  # of the names of numbers in UNIT
SIGN = "€"
UNIT_NAME = "euros"
GROUP = "district"  # the feature within whose values intervals hold, too
AUDITED = ("district",)
"""Features by whose values evaluate tells whether a model is wrong about some people more than about others."""

STEP = 100
"""A difference in UNIT that matters: residuals are counted in such steps, and intervals get no narrower below it."""

TEXT, WORDS = "", ()  # no feature's words are encoded
ESTIMATED_VALUES: dict[str, str] = {}  # no value is marked as an estimate
ESTIMATED_ROWS = ""


class Flats:
    """One row per flat that is let."""

    district = text(str_matches=r"^[A-Z][a-z]+\Z", description="a name such as Altstadt", role=Role.NOMINAL)
    rooms = whole_number(ge=1, le=12, description="a whole number from 1 to 12", role=Role.ORDINAL)
    area_in_m2 = whole_number(ge=10, le=500, description="a whole number from 10 to 500", role=Role.ORDINAL)
    condition = text(isin=["old", "renovated", "new"], description="one of old, renovated, new", role=Role.ORDINAL)
    rent_in_eur = whole_number(
        ge=1, le=50_000, description="a whole number from 1 to 50000, digits only", role=Role.TARGET
    )


RULES = rules_of(Flats)

# What the model card says of this table: prose, its lines broken at 120 characters.
CARD_PROJECT = "rent-pipeline"
CARD_TITLE = f"A regression of the {PLURAL} of flats"
CARD_USE = """\
To see what flats like one's own are let for."""
CARD_MISUSE = "- Decisions about a person: nobody's lease may hang on it."
CARD_TARGET = f"The {NOUN} of one month in {UNIT_NAME}"
CARD_FORMAT = "our own table of flats"
CARD_KNOWLEDGE = "real flats"
"""What rows that are all synthetic say nothing about."""
CARD_LIMITS = """\
- Flats that are let without an advertisement are missing.
- It knows no month after those of the training rows."""
CARD_UNSEEN = "What the table leaves out (floor, balcony, neighbours) the model cannot see."
CARD_LICENCE = f"""\
That of {CARD_PROJECT}, MIT, as far as it goes: of another table than the sample, its owner's terms hold as well."""
CARD_LICENCE_TAG = "mit"
"""The licence by the name that model hubs know."""

import pytest

from pipeline.data.rules import Role, rules_of, text, whole_number

YEAR = whole_number(ge=2000, le=2100, description="a year", role=Role.ORDINAL)
RATIO = whole_number(isin=[0, 50, 100], description="one of 0, 50, 100", role=Role.ORDINAL)
SIZE = text(isin=["S", "M"], description="S or M", role=Role.ORDINAL)
CODE = text(str_matches=r"^[A-Z]{2}\Z", description="a code", role=Role.NOMINAL)


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (YEAR, [2000, 2100], [1999, 2101, "2023", 2023.0, True, None]),
        (RATIO, [0, 50], [1, "50", False]),
        (SIZE, ["S"], ["L", "", "s", 1]),
        (CODE, ["US"], ["USA", "us", "US\n", b"US"]),
    ],
)
def test_a_rule_allows_values_of_its_type_that_keep_all_of_its_parts(rule, allowed, refused):
    assert all(rule.allows(value) for value in allowed)
    assert not any(rule.allows(value) for value in refused)


def test_a_target_has_bounds():
    assert YEAR.bounds == (2000, 2100)
    with pytest.raises(ValueError, match="the rule of the target must have ge and le, found 1 and None"):
        _ = whole_number(ge=1, description="positive", role=Role.TARGET).bounds


def test_the_rules_of_a_class_stand_in_its_order():
    class Contract:
        """A docstring is no rule."""

        year = YEAR
        code = CODE
        note = "not a rule"

    assert list(rules_of(Contract).items()) == [("year", YEAR), ("code", CODE)]

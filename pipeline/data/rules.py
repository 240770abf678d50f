"""A column's part of a data contract: its type, its rule, the rule in words, and what the column is for.

It is data alone, so that naming the columns costs no import of pandas. `validate` has Arrow check them, and `contract`
pandera.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a column is for."""

    ORDINAL = "ordinal"  # a feature whose values have an order
    NOMINAL = "nominal"  # a feature whose values are just different
    TARGET = "target"  # the number to predict
    FORBIDDEN = "forbidden"  # checked, and never used


@dataclass(frozen=True)
class Rule:
    """The type of a column's values, `int` or `str`, and what they keep: all of the parts that are given.

    `description` is the rule in words, as they follow "must be".
    """

    kind: type[int] | type[str]
    role: Role
    description: str
    ge: int | None = None
    le: int | None = None
    isin: tuple[int, ...] | tuple[str, ...] = ()
    str_matches: str = ""

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the largest number. Raises: ValueError if one is not given."""
        if self.ge is None or self.le is None:
            raise ValueError(f"the rule of the {self.role} must have ge and le, found {self.ge} and {self.le}")
        return self.ge, self.le

    def allows(self, value: object) -> bool:
        """Whether the value is of the type, and keeps the rule.

        >>> [whole_number(ge=1, description="positive", role=Role.TARGET).allows(value) for value in (7, 0, "7", True)]
        [True, False, False, False]
        """
        if type(value) is not self.kind:  # a truth value is no number
            return False
        if isinstance(value, int):
            is_known = (self.ge is None or value >= self.ge) and (self.le is None or value <= self.le)
        else:
            is_known = bool(re.match(self.str_matches, str(value)))
        return is_known and (not self.isin or value in self.isin)


def whole_number(
    *, ge: int | None = None, le: int | None = None, isin: Sequence[int] = (), description: str, role: Role
) -> Rule:
    """The rule of a column of whole numbers: the least, the largest, or all there are."""
    return Rule(int, role, description, ge=ge, le=le, isin=tuple(isin))


def text(*, isin: Sequence[str] = (), str_matches: str = "", description: str, role: Role) -> Rule:
    """The rule of a column of texts: all there are, or a pattern of the whole text."""
    return Rule(str, role, description, isin=tuple(isin), str_matches=str_matches)


def rules_of(contract: type) -> dict[str, Rule]:
    """The rules of a contract's class by the names of their columns, in order."""
    return {name: rule for name, rule in vars(contract).items() if isinstance(rule, Rule)}

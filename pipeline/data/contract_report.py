"""How many rows of a raw table break which rule of the data contract: a report for people, or an error."""

from dataclasses import dataclass, field, replace
from operator import attrgetter

from pipeline.data.csv_header import in_words
from pipeline.data.csv_rows import span

EXAMPLES = 3


@dataclass(frozen=True)
class Example:
    """What was found in a record, its first line, how many lines it takes, and its file if the table has several."""

    line: int
    found: str
    lines: int = 1
    file: str = ""

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.file else f"line {self.line}"
        lines = f" in {span(self.line, self.line + self.lines - 1)}" if self.lines > 1 else ""
        return f"{where}: found {self.found}{lines}"


@dataclass(frozen=True)
class Violation:
    """One rule that some rows break: the rule in words, how many, and what was found in the first ones.

    A report has its rules in the order of their places, which is fixed.
    """

    rule: str
    place: int
    rows: int
    examples: tuple[Example, ...]

    def moved(self, lines: int, file: str) -> "Violation":
        """The same, so many lines further down in that file."""
        moved = tuple(replace(each, line=each.line + lines, file=file) for each in self.examples)
        return replace(self, examples=moved)


@dataclass
class ContractReport:
    """How many rows there were, how many went to quarantine, and why.

    Of the rows that keep the contract, `estimated_rows` have a value marked as an estimate, and `decimal_rows` a whole
    number with a fraction of zeros; `ignored` has the columns that the contract does not name.
    """

    rows: int = 0
    quarantined: int = 0
    estimated_rows: int = 0
    decimal_rows: int = 0
    ignored: tuple[str, ...] = ()
    violations: dict[str, Violation] = field(default_factory=dict)

    def add(self, block: "ContractReport", *, lines_before: int = 0, file: str = "") -> None:
        """Add the report of one more block, which must follow the ones before it.

        lines_before: what its lines' numbers lack; file: its name, if the table has several.
        """
        self.rows += block.rows
        self.quarantined += block.quarantined
        self.estimated_rows += block.estimated_rows
        self.decimal_rows += block.decimal_rows
        self.ignored = tuple(dict.fromkeys((*self.ignored, *block.ignored)))
        for violation in block.violations.values():
            new = violation.moved(lines_before, file)
            old = self.violations.get(new.rule, Violation(new.rule, new.place, 0, ()))
            examples = (old.examples + new.examples)[:EXAMPLES]
            self.violations[new.rule] = Violation(new.rule, new.place, old.rows + new.rows, examples)

    @property
    def bad_fraction(self) -> float:
        """The share of rows that break the contract, between 0 and 1."""
        return self.quarantined / max(self.rows, 1)

    def check(self, *, where: str, allowed: float) -> None:
        """Raise ValueError if there is no row, or if more rows than allowed break the contract."""
        if not self.rows:
            raise ValueError(f"{where}: the table must have at least one row, found only the header")
        if self.bad_fraction > allowed:
            advice = "Mend these lines, or raise prepare.max_bad_fraction to let them go to quarantine."
            raise ValueError(self.text(where=where, allowed=allowed) + advice)

    def text(self, *, where: str, allowed: float) -> str:
        """Each broken rule with its count and its first examples; and the columns that were left out."""
        lines = [
            f"{where}: {self.quarantined} of {self.rows} rows break the data contract"
            f" ({self.bad_fraction:.4%}; prepare.max_bad_fraction allows {allowed:.4%})"
        ]
        for violation in sorted(self.violations.values(), key=attrgetter("place")):
            lines.append(f"\n  {violation.rule}: {violation.rows} of {self.rows} rows")
            lines += [f"    {example}" for example in violation.examples]
        if self.ignored:
            lines.append(f"\n  {in_words(self.ignored)}: left out")
        return "\n".join(lines) + "\n"

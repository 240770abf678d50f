"""What a night leaves: its outcome, and its decision as JSON and as a line of the history."""

import csv
import datetime
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pipeline import params
from pipeline.data.schema import in_unit
from pipeline.nights.anchor import Anchor
from pipeline.nights.drift import TableDrift
from pipeline.nights.histograms import Histogram
from pipeline.nights.limits import nearest_limit
from pipeline.nights.new_rows import BIAS
from pipeline.nights.record_files import HISTORY, JSON
from pipeline.nights.reference import Reference
from pipeline.repository.dvc_lock import md5_of
from pipeline.runtime import escape

ROOTS = {
    in_unit(f"{name}_mse", power=2): in_unit(f"{name}_rmse")
    for name in ("challenger", "champion", "anchor", "mean", "ridge", "champion_new_rows")
}
"""The name of each mean squared error among a record's numbers, and the name of its root."""
COUNTS = ("rows", "new_rows", "test_rows")
USED, NEAREST = "limit_used", "nearest_limit"  # how much of its limit a measure used at most, and which one did
COLUMNS = (
    *("date", "decision", "table_md5", *COUNTS, *ROOTS.values(), "worse_share", "beyond_limits", BIAS),
    *("challenger_md5", "tag", USED, NEAREST),
)


class NightOutcome(StrEnum):
    """How a night ended: the word that is written, the exit code, and whether the challenger is the new champion."""

    PROMOTED = "promoted"
    FIRST = "first"
    INCOMPARABLE = "incomparable"
    FORCED = "forced"
    KEPT = "kept"
    UNCHANGED = "unchanged"
    NO_SOURCE = "no_source"
    REJECTED = "rejected"
    FAILED = "failed"
    BUSY = "busy"
    STALE = "stale"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """The code of `python -m pipeline.nightly`, where 1 is a defect's traceback and 2 a wrong command line."""
        return EXIT_CODES[self]

    @property
    def needs_somebody(self) -> bool:
        """True if somebody should look."""
        return self.exit_code >= NEEDS_SOMEBODY

    @property
    def accepted(self) -> bool:
        """True if the challenger is the new champion."""
        return self.exit_code < EXIT_CODES[NightOutcome.KEPT]


NEEDS_SOMEBODY = 30  # exit codes from here on
EXIT_CODES = {
    NightOutcome.PROMOTED: 0,
    NightOutcome.FIRST: 10,
    NightOutcome.INCOMPARABLE: 11,
    NightOutcome.FORCED: 12,
    NightOutcome.KEPT: 20,
    NightOutcome.UNCHANGED: 21,
    NightOutcome.NO_SOURCE: 22,
    NightOutcome.REJECTED: 40,
    NightOutcome.FAILED: 41,
    NightOutcome.BUSY: 42,
    NightOutcome.STALE: 43,
    NightOutcome.INTERRUPTED: 130,
}
ACCEPTED = frozenset(outcome for outcome in NightOutcome if outcome.accepted)


@dataclass(frozen=True)
class Record:
    """A night's decision, why, and the numbers that it rests on: no clock, no duration, no machine."""

    date: datetime.date
    decision: NightOutcome
    reason: str
    table_md5: str  # of the table that came
    settings_md5: str  # of the settings that it was judged under
    champion_md5: str | None = None  # of the model's listing
    anchor_md5: str | None = None
    challenger_md5: str | None = None
    drift: TableDrift = field(default_factory=TableDrift)  # how far the table is from yesterday's
    numbers: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Histogram] = field(default_factory=dict)  # of the columns beyond a limit
    tag: str | None = None  # of the night's commit
    reference: Reference | None = None  # that later tables are measured against, if it begins tonight
    anchor: Anchor | None = None  # that later challengers are compared with, if the night was accepted

    def to_json(self) -> str:
        """The whole record but its date, the same bytes for the same night."""
        facts = {
            "decision": self.decision,
            "reason": self.reason,
            "table_md5": self.table_md5,
            "settings_md5": self.settings_md5,
            "champion_md5": self.champion_md5,
            "anchor_md5": self.anchor_md5,
            "challenger_md5": self.challenger_md5,
            "numbers": {name: _number(value) for name, value in self.numbers.items()},
            "measures": {measure.title: _number(measure.value) for measure in self.drift.measures},
            "warnings": list(map(str, self.drift.warnings)),
            "breaches": list(map(str, self.drift.breaches)),
        }
        return escape.json_text(facts)

    def line(self) -> dict[str, str]:
        """The night's line of the history; what it does not know is empty."""
        numbers = self.numbers
        cells = {"date": self.date.isoformat(), "decision": self.decision, "table_md5": self.table_md5}
        cells |= {name: f"{numbers[name]:.0f}" for name in COUNTS if name in numbers}
        cells |= {root: f"{math.sqrt(numbers[name]):.0f}" for name, root in ROOTS.items() if name in numbers}
        cells |= {name: f"{numbers[name]:.3f}" for name in ("worse_share", BIAS) if name in numbers}
        cells["beyond_limits"] = "; ".join(map(str, (*self.drift.breaches, *self.drift.warnings)))
        cells |= {"challenger_md5": self.challenger_md5 or "", "tag": self.tag or ""}
        if nearest := nearest_limit(self.drift):
            cells |= {USED: f"{nearest.used:.3f}", NEAREST: nearest.measure.title}
        return cells

    def write(self, project: Path) -> None:
        """Write the record into the project: up to three files of its own, and a line more in the history."""
        (project / JSON).parent.mkdir(parents=True, exist_ok=True)
        (project / JSON).write_text(self.to_json(), encoding="utf-8")
        for kept in (self.reference, self.anchor):
            if kept:
                kept.write(project)
        lines = [*read_history(project), self.line()]
        with (project / HISTORY).open("w", encoding="utf-8", newline="") as file:
            columns = dict.fromkeys([*COLUMNS, *lines[0]])  # another version of the pipeline may have written others
            writer = csv.DictWriter(file, [*columns], restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)


def read_history(project: Path) -> list[dict[str, str]]:
    """The lines of the history, oldest first; none if no night has left one."""
    try:
        with (project / HISTORY).open(encoding="utf-8", newline="") as file:
            lines = [*csv.DictReader(file, restkey="", restval="")]
    except FileNotFoundError:
        return []
    for line in lines:
        line.pop("", None)  # cells that no column has: somebody has edited the line
    return [{**dict.fromkeys(COLUMNS, ""), **line} for line in lines]


def finite(text: str) -> float | None:
    """The number in a cell of the history; None if there is none, or none that a chart or a sum could hold."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def accepted_nights(project: Path) -> list[dict[str, str]]:
    """The history's lines of the nights that were accepted."""
    return [line for line in read_history(project) if line["decision"] in ACCEPTED]


def last_decision(project: Path, *, table_md5: str, settings_md5: str) -> tuple[NightOutcome, str] | None:
    """The decision of the last recorded night, and why, if it judged this table under these settings.

    Records of before 2026-11-25 have the md5 of params.yaml instead of that of its settings.
    """
    try:
        last = json.loads((project / JSON).read_text(encoding="utf-8"))
        by_settings = "settings_md5" in last
        judged_under = last["settings_md5"] if by_settings else last["params_md5"]
        now = settings_md5 if by_settings else md5_of(project / params.FILE)
        same = (last["table_md5"], judged_under) == (table_md5, now)
        return (NightOutcome(last["decision"]), last["reason"]) if same else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # ValueError: no JSON, or no decision that we know
        return None


def _number(value: float) -> float:
    """Six digits: the last places of logarithms differ between CPUs."""
    return float(f"{value:.6g}")

"""What a night leaves for people: its decision as JSON, as Markdown, and as one line of the history."""

import csv
import datetime
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

JSON, MARKDOWN, HISTORY = (Path("metrics", name) for name in ("nightly.json", "nightly.md", "history.csv"))
FILES = tuple(map(str, (JSON, MARKDOWN, HISTORY)))
ERRORS = ("challenger", "champion", "mean", "champion_new_rows")
COLUMNS = (
    *("date", "decision", "table_md5", "rows", "new_rows", "test_rows"),
    *(f"{name}_rmse_usd" for name in ERRORS),
    *("worse_share", "beyond_limits"),
)


@dataclass(frozen=True)
class Measure:
    """One way in which two tables differ: its name in `nightly.drift`, the column unless it is all, and how much."""

    name: str
    column: str
    value: float

    @property
    def title(self) -> str:
        """As a report names it: `stability_index of work_year`."""
        return f"{self.name} of {self.column}" if self.column else self.name

    def __str__(self) -> str:
        """As a report puts it: `stability_index of work_year: 0.31`."""
        return f"{self.title}: {self.value:.3g}"


@dataclass(frozen=True)
class Record:
    """A night's decision, why, and the numbers that it rests on: no clock, no duration, no machine.

    table_md5 and params_md5 are of the table that came and of the settings that it was judged under, champion_md5 and
    challenger_md5 of the models' listings. measures: how far the table is from yesterday's; those beyond a limit
    are in warnings (the night went on) or in breaches (it did not).
    """

    date: datetime.date
    decision: str
    reason: str
    table_md5: str
    params_md5: str
    champion_md5: str | None = None
    challenger_md5: str | None = None
    measures: Sequence[Measure] = ()
    warnings: Sequence[Measure] = ()
    breaches: Sequence[Measure] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """The whole record but its date, the same bytes for the same night."""
        facts = {
            "decision": self.decision,
            "reason": self.reason,
            "table_md5": self.table_md5,
            "params_md5": self.params_md5,
            "champion_md5": self.champion_md5,
            "challenger_md5": self.challenger_md5,
            "numbers": {name: _number(value) for name, value in self.numbers.items()},
            "measures": {measure.title: _number(measure.value) for measure in self.measures},
            "warnings": list(map(str, self.warnings)),
            "breaches": list(map(str, self.breaches)),
        }
        return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The record for people."""
        parts = [f"# The night of {self.date.isoformat()}: {self.decision}", self.reason]
        if self.numbers:
            parts.append(_table(["number", "value"], [_row(name, value) for name, value in self.numbers.items()]))
        for title, found in {"Beyond a stop limit": self.breaches, "Beyond a warning limit": self.warnings}.items():
            if found:
                parts.append(f"**{title}**\n\n" + "\n".join(f"- {measure}" for measure in found))
        if self.measures:
            rows = [[measure.title, f"{measure.value:.4g}"] for measure in self.measures]
            parts.append("## Tonight's table against yesterday's\n\n" + _table(["measure", "value"], rows))
        models = {"table": self.table_md5, "champion": self.champion_md5, "challenger": self.challenger_md5}
        parts.append("\n".join(f"- {name}: md5 `{md5}`" for name, md5 in models.items() if md5))
        return "\n\n".join(parts) + "\n"

    def line(self) -> dict[str, str]:
        """The night's line of the history; what it does not know is empty."""
        cells = dict.fromkeys(COLUMNS, "")
        cells |= {"date": self.date.isoformat(), "decision": self.decision, "table_md5": self.table_md5}
        cells |= {
            name: f"{self.numbers[name]:.0f}" for name in ("rows", "new_rows", "test_rows") if name in self.numbers
        }
        for name in ERRORS:
            if f"{name}_mse_usd2" in self.numbers:
                cells[f"{name}_rmse_usd"] = f"{math.sqrt(self.numbers[f'{name}_mse_usd2']):.0f}"
        if "worse_share" in self.numbers:
            cells["worse_share"] = f"{self.numbers['worse_share']:.3f}"
        return cells | {"beyond_limits": "; ".join(map(str, (*self.breaches, *self.warnings)))}

    def write(self, project: Path) -> None:
        """Write the record into the project: two files of its own, and a line more in the history."""
        (project / JSON).parent.mkdir(parents=True, exist_ok=True)
        (project / JSON).write_text(self.to_json(), encoding="utf-8")
        (project / MARKDOWN).write_text(self.to_markdown(), encoding="utf-8")
        history = project / HISTORY
        with history.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if not file.tell():
                writer.writeheader()
            writer.writerow(self.line())


def last_word(project: Path, *, table_md5: str, params_md5: str) -> tuple[str, str] | None:
    """The decision of the last recorded night, and why, if it judged this table under these settings."""
    try:
        last = json.loads((project / JSON).read_text(encoding="utf-8"))
        same = (last["table_md5"], last["params_md5"]) == (table_md5, params_md5)
        return (last["decision"], last["reason"]) if same else None
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None


def _row(name: str, value: float) -> list[str]:
    """A number for people: of a mean squared error the root.

    >>> _row("champion_mse_usd2", 2.5e9), _row("rows", 3152.0)
    (['champion_rmse_usd', '50,000'], ['rows', '3,152'])
    """
    if name.endswith("_mse_usd2"):
        return [name.replace("_mse_usd2", "_rmse_usd"), f"{math.sqrt(value):,.0f}"]
    return [name, f"{value:,.6g}"]


def _number(value: float) -> float:
    """Six digits: the last places of logarithms differ between CPUs."""
    return float(f"{value:.6g}")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = io.StringIO()
    for row in (titles, ["---"] * len(titles), *rows):
        print("|", " | ".join(cell.replace("|", "\\|") for cell in row), "|", file=lines)
    return lines.getvalue().rstrip("\n")

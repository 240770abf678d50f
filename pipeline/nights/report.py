"""The night's report for the morning: what happened, whether anybody is needed, what changed, what is near a limit."""

import math
from collections.abc import Sequence

from pipeline.data.schema import UNIT, in_unit
from pipeline.nights.drift import Measure
from pipeline.nights.gate import CHALLENGER, CHAMPION
from pipeline.nights.limits import Limited, limited, near_limits
from pipeline.nights.record import ROOTS, NightOutcome, Record
from pipeline.reporting.markdown import table
from pipeline.reporting.summary import Rows, percent
from pipeline.runtime import escape

SENTENCES = {
    NightOutcome.PROMOTED: "Tonight's model replaces the champion, and nobody is needed.",
    NightOutcome.FIRST: "Tonight's model is the first champion, and nobody is needed.",
    NightOutcome.INCOMPARABLE: "Tonight's model replaces a champion that it could not be compared with, and nobody is"
    " needed.",
    NightOutcome.FORCED: "Tonight's model replaces the champion because an operator forced it, and nobody is needed.",
    NightOutcome.KEPT: "The champion stays, as tonight's model did not pass the comparison, and nobody is needed.",
    NightOutcome.UNCHANGED: "There was no new table to learn from, so the champion stays, and nobody is needed.",
    NightOutcome.NO_SOURCE: "No source of tables is set up, so nothing was done, and nobody is needed.",
    NightOutcome.REJECTED: "Tonight's table was rejected, so the champion stays: somebody is needed to look at it.",
    NightOutcome.FAILED: "The night failed: somebody is needed to mend what its message names.",
    NightOutcome.BUSY: "The night did not begin, as another command was at work: somebody is needed to see that it"
    " ends.",
    NightOutcome.STALE: "The champion stays, and for too long nothing has changed: somebody is needed to see why.",
    NightOutcome.INTERRUPTED: "The night was interrupted, so the champion stays: somebody is needed to start another.",
}
"""What happened, and whether anybody is needed."""
PUBLISHED = "This is the last published report: later nights that failed or changed nothing have their logs in `runs/`."
FAIRNESS = "fairness_groups_beyond"  # the number of groups that the challenger is wrong about beyond the limits
ON_NEW_ROWS = in_unit("champion_new_rows_mse", power=2)
FEW = 3  # columns with new values are named


def lead(record: Record) -> str:
    """What happened, whether anybody is needed, and how many measures are beyond a limit or near one."""
    near = near_limits(record.drift)
    beyond = len(record.drift.breaches) + len(record.drift.warnings)
    said = {"beyond a limit": beyond, "near a limit": len(near) - beyond}
    told = [f"{number} {'measure is' if number == 1 else 'measures are'} {at}" for at, number in said.items() if number]
    return " ".join([SENTENCES[record.decision], *([f"{', '.join(told)}."] if told else [])])


def changes(record: Record) -> list[str]:
    """What changed tonight: the rows, what is new in the columns, the score; and whether the model is unfair."""
    lines = [f"Rows: {_rows(record)}", f"Columns: {_columns(record)}", f"Score: {_score(record)}"]
    if groups := record.numbers.get(FAIRNESS):
        people = "a group" if groups == 1 else f"{groups:,.0f} groups"
        lines.append(f"Fairness: tonight's model is beyond the limits for {people} of people")
    return [f"{line}." for line in lines]


def _rows(record: Record) -> str:
    numbers = record.numbers
    if "rows" not in numbers:
        return "unknown, as the table could not be read"
    parts = [f"{numbers['rows']:,.0f}"]
    parts += [f"{numbers['new_rows']:,.0f} of them new"] if "new_rows" in numbers else []
    known = {measure.name: measure.value for measure in record.drift.measures}
    told = {"rows_gone": "have gone", "rows_changed": "have changed"}
    parts += [f"{percent(known[name])} of yesterday's {what}" for name, what in told.items() if known.get(name)]
    parts += [f"{out:,.0f} in quarantine"] if (out := numbers.get("rows_quarantined")) else []
    return ", ".join(parts)


def _columns(record: Record) -> str:
    """The columns with the largest shares of values that are new: of the new rows, or of all if these are too few."""
    for name, rows in {"unseen_values": "the new rows", "new_categories": "all rows"}.items():
        if found := [one for one in record.drift.measures if one.name == name and not one.since]:
            new = sorted((measure for measure in found if measure.value > 0), key=_by_value)[:FEW]
            told = ", ".join(f"{percent(measure.value)} a new {measure.column}" for measure in new)
            return f"of {rows}, {told}" if told else f"no value in {rows} that yesterday's table did not have"
    return "not compared with those of another table"


def _by_value(measure: Measure) -> tuple[float, str]:
    return -measure.value, measure.column


def _score(record: Record) -> str:
    """The challenger's error beside the champion's, and the champion's on the new rows."""
    roots = {name: math.sqrt(record.numbers[name]) for name in ROOTS if name in record.numbers}
    parts = [f"RMSE {roots[CHALLENGER]:,.0f} {UNIT}" if CHALLENGER in roots else "no model was trained"]
    if CHALLENGER in roots and CHAMPION in roots:
        change = roots[CHALLENGER] / roots[CHAMPION] - 1
        parts.append(f"the champion's {roots[CHAMPION]:,.0f} ({100 * change:+.1f} %)")
    parts += [f"the champion's on the new rows {roots[ON_NEW_ROWS]:,.0f}"] if ON_NEW_ROWS in roots else []
    return ", ".join(parts)


def measure_rows(found: Sequence[Limited]) -> Rows:
    """Measures beside their limits, as a table. What is beyond chance counts against a limit."""
    rows = [["measure", "tonight", "beyond chance", "warns above", "stops above", "verdict"]]
    for one in found:
        measure = one.measure
        values = (measure.value, measure.value if measure.least is None else measure.least, one.warn, one.stop)
        rows.append([measure.title, *map(one.text, values), one.verdict or "far from them"])
    return rows


def number_rows(record: Record) -> Rows:
    """All numbers of the record, as a table; of a mean squared error the root."""
    rows = [["number", "value"]]
    for name, value in record.numbers.items():
        rows.append([ROOTS[name], f"{math.sqrt(value):,.0f}"] if name in ROOTS else [name, f"{value:,.6g}"])
    return rows


def markdown(record: Record) -> str:
    """The report as Markdown; what is far from a limit is folded away."""
    near = near_limits(record.drift)
    far = [one for one in limited(record.drift) if not one.verdict]
    parts = [f"# The night of {record.date.isoformat()}: {record.decision}", escape.markdown(lead(record))]
    parts += [escape.markdown_lines(record.reason)]
    parts += ["\n".join(f"- {escape.markdown(line)}" for line in changes(record))]
    parts += ["**Beyond a limit, or near one**", table(measure_rows(near), align="left")] if near else []
    parts += [_folded(f"Measures far from their limits: {len(far)}", measure_rows(far))] if far else []
    parts += [_folded("All numbers", number_rows(record))] if record.numbers else []
    parts += [PUBLISHED]
    models = {"table": record.table_md5, "champion": record.champion_md5, "challenger": record.challenger_md5}
    parts += ["\n".join(f"- {name}: md5 `{md5}`" for name, md5 in models.items() if md5)]
    return "\n\n".join(parts) + "\n"


def rollback_lead(tag: str) -> str:
    """What an operator did, and that nobody is needed."""
    return f"An operator went back to {tag}, and nothing else is needed."


def rollback_markdown(date: str, *, tag: str) -> str:
    """The report on a rollback as Markdown."""
    return f"# The rollback of {date}\n\n{rollback_lead(tag)}\n\n{PUBLISHED}\n"


def _folded(title: str, rows: Rows) -> str:
    """A table of which only the title is seen, until one opens it."""
    return f"<details><summary>{title}</summary>\n\n{table(rows, align='left')}\n\n</details>"

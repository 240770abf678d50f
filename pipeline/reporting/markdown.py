"""Tables as Markdown, and the whole report: to be read in a terminal, a pull request or a mail."""

from collections.abc import Sequence
from typing import Literal

from pipeline.reporting import summary, verdicts
from pipeline.reporting.run_results import RunResults
from pipeline.reporting.summary import Rows
from pipeline.reporting.verdicts import Verdict
from pipeline.runtime import escape

Align = Literal["left", "right"]


class Markup(str):
    """A cell that is Markdown already: `table` escapes nothing in it."""


def report(results: RunResults) -> str:
    """The whole report as Markdown."""
    parts = ["# Training report", summary.headline(results.recipes[0])]
    parts += ["## Scores", table(summary.scores(results.recipes)), summary.SCORES_NOTE]
    for result in results.recipes:
        worst = summary.worst_slices(result)
        parts += [f"## {result.name}", summary.description(result)]
        parts += ["### Where it is most wrong", table(worst) if len(worst) > 1 else summary.TOO_FEW]
        parts += ["### How often its intervals hold", table(summary.coverage(result)), summary.COVERAGE_NOTE]
        for part in verdicts.parts(result):
            parts += [f"### {part.title}", verdict(part)]
    parts += ["## Data", table(summary.data(results)), "## How to reproduce it", _reproduction(results)]
    return "\n\n".join(parts) + "\n"


def _reproduction(results: RunResults) -> str:
    return f"`{summary.REPRODUCE}` {escape.markdown(summary.reproduction(results))}"


def verdict(part: Verdict) -> str:
    """The sentence, and below it the table that shows why, if it has a row."""
    shown = [escape.markdown(part.verdict), *([table(part.rows), part.note] if len(part.rows) > 1 else [])]
    return "\n\n".join(shown)


def table(rows: Rows, *, align: Align = "right", padded: bool = False) -> str:
    r"""The rows, the header first, as a Markdown table. What a cell says stays text, whatever it is, but for `Markup`.

    The first column is aligned to the left, the others as `align` says; `padded` shows that in a terminal, too.

    >>> print(table([["slice", "rows"], ["title=R|D", "30"]]))
    | slice | rows |
    | --- | --: |
    | title=R\|D | 30 |
    """
    columns = zip(*rows, strict=True)
    aligned = [_column(cells, "left" if number == 0 else align, padded) for number, cells in enumerate(columns)]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*aligned, strict=True))


def _column(cells: Sequence[str], align: Align, padded: bool) -> list[str]:
    """A column's cells, with the rule below its header that aligns them."""
    header, *body = map(_escaped, cells)
    rule = "---" if align == "left" else "--:"
    width = max(map(len, (header, rule, *body))) if padded else 0
    justified = str.ljust if align == "left" else str.rjust
    return [justified(header, width), justified(rule, width, "-"), *(justified(cell, width) for cell in body)]


def _escaped(cell: str) -> str:
    return cell if isinstance(cell, Markup) else escape.markdown(cell)

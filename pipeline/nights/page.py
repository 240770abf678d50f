"""The nights as one HTML page: last night's report, its charts, and all nights before it. No script, no network."""

import re
from collections.abc import Sequence

from pipeline.data.schema import SIGN, in_unit
from pipeline.nights.history_charts import Nights, decisions, over_nights
from pipeline.nights.limits import MOST, limited, near_limits
from pipeline.nights.new_rows import BIAS
from pipeline.nights.record import NEAREST, USED, Record, finite
from pipeline.nights.report import PUBLISHED, changes, lead, measure_rows, number_rows, rollback_lead
from pipeline.reporting.bars import pairs
from pipeline.reporting.elements import bullets, details, document, figure, grid, paragraph, table
from pipeline.reporting.summary import Rows, percent

SHOWN = 366  # nights, the last ones
MOST_USED = 2.0  # of a limit: more is drawn as so much
DIGITS = 8  # of a hash
SCORES = {name: in_unit(f"{name}_rmse") for name in ("challenger", "champion", "anchor")}
SCORES_NOTE = (
    "Root mean squared error of tonight's model, of the champion before it, and of the anchor if it is another."
)
ON_NEW_ROWS = in_unit("champion_new_rows_rmse")
COLUMNS = {name: name for name in ("date", "decision", "tag", "rows")} | {
    "new rows": "new_rows",
    **SCORES,
    "champion, new rows": ON_NEW_ROWS,
    "of a limit": USED,
    "by": NEAREST,
    "table": "table_md5",
    "model": "challenger_md5",
}
"""The columns of the table of nights, by their titles."""
NEAREST_NOTE = (
    f"The largest share of its limit that a measure used; dashed: all of it. More than {100 * MOST_USED:.0f} % is drawn"
    " at the top."
)
NO_BREAK = "\N{NO-BREAK SPACE}"
STYLE = (
    "<style>.nights th, .nights td { padding: .3rem .4rem } .nights td:nth-last-child(3)"
    " { white-space: normal; overflow-wrap: normal; min-width: 7rem }</style>"
)
"""The table of nights fits a screen: what is nearest to its limit has a long name."""


def night_page(history: Nights, record: Record) -> str:
    """The whole page after a night. The last line of the history is that of the record."""
    return _page(history, f"{record.date.isoformat()}: {lead(record)}", _report(record))


def rollback_page(history: Nights, *, tag: str) -> str:
    """The whole page after a rollback to that tag, of which the last line of the history is."""
    return _page(history, f"{history[-1]['date']}: {rollback_lead(tag)}", [])


def _report(record: Record) -> list[str]:
    """What the last night has found."""
    far = [one for one in limited(record.drift) if not one.verdict]
    near = near_limits(record.drift)
    parts = [*map(paragraph, record.reason.split("\n")), bullets(changes(record))]
    parts += ["<h2>Beyond a limit, or near one</h2>", table(measure_rows(near))] if near else []
    parts += [details(f"Measures far from their limits: {len(far)}", table(measure_rows(far)))] if far else []
    parts += [details("All numbers", table(number_rows(record)))] if record.numbers else []
    if record.histograms:
        parts += ["<h2>What has moved</h2>", grid(_moved(record))]
    return parts


def _page(history: Nights, said: str, report: Sequence[str]) -> str:
    """What happened last, the report on it, and all nights."""
    nights = history[-SHOWN:]
    which = "All" if len(nights) == len(history) else f"The last {SHOWN}"
    note = paragraph(PUBLISHED.replace("`", ""), "note")
    parts = [STYLE, "<h1>Nights</h1>", paragraph(said, "lead"), note, *report]
    parts += [f"<h2>{which} nights</h2>", grid(_over_nights(nights))]
    parts += [f'<h2>Each night</h2><div class="nights">{table(_rows(nights))}</div>', paragraph(_NOTE, "note")]
    return re.sub(r"(?<=\d) %", f"{NO_BREAK}%", document("Nights", parts))


_NOTE = (
    f"Of each hash, an MD5, the first {DIGITS} digits. Those nights that replaced the champion have a tag. That of a"
    " rollback is of the night that came back."
)


def _moved(record: Record) -> list[str]:
    """The columns that are beyond a limit, yesterday and tonight."""
    names = ("yesterday", "tonight")
    return [
        figure(column, "Share of the rows.", pairs(shares, text=percent, title=column, names=names))
        for column, shares in record.histograms.items()
    ]


def _over_nights(nights: Nights) -> list[str]:
    """The charts of what the nights have numbers of."""
    scores = over_nights(nights, SCORES, text=_thousands, title="error on the test rows")
    on_new = over_nights(nights, {"champion": ON_NEW_ROWS}, text=_thousands, title="error on new rows")
    used = over_nights(
        nights, {"share of the limit": USED}, text=_whole, title="nearest limit", limit=1.0, top=MOST_USED
    )
    bias = over_nights(nights, {"bias": BIAS}, text="{:g}".format, title="bias on new rows", limit=0.0)
    charts = [
        ("Decisions", "One dot for each night.", decisions(nights)),
        ("Error on the test rows", SCORES_NOTE, scores),
        ("Error on new rows", "Root mean squared error of the champion on rows that it had never seen.", on_new),
        ("Nearest limit", NEAREST_NOTE, used),
        (
            "Bias on new rows",
            "How much more they are than the champion expected, in standard errors; dashed: none.",
            bias,
        ),
    ]
    return [figure(title, note, chart) for title, note, chart in charts if chart]


def _rows(nights: Nights) -> Rows:
    """A row for each night, the last one first."""
    body = [[_cell(night.get(column) or "", column) for column in COLUMNS.values()] for night in nights[::-1]]
    return [list(COLUMNS), *body]


def _cell(text: str, column: str) -> str:
    """A cell of the history for people."""
    if column.endswith("_md5"):
        return text[:DIGITS]
    value = finite(text)
    if value is None:
        return text
    if column == USED:
        return f"≥ {_whole(value)}" if value >= MOST else _whole(value)
    return f"{value:,.0f}"


def _thousands(value: float) -> str:
    return f"{SIGN}{value / 1000:g}k"


def _whole(share: float) -> str:
    return f"{100 * share:.0f} %"

"""The records of a CSV text as RFC 4180 has them: a line each, or several, where a quoted field spans them.

The last line of a record starts within `RECORD_BYTES` bytes of its first.

Of a record that a quote breaks, no line may be taken for a row: it may be text of a cell. Where the next row begins,
nothing in the text says for sure. So the record reaches to the last of `RECORD_LINES` lines that may be text of its
cell: the line's quotes, pairs `""` aside, are odd, or do not open and close cells in turn, as in `ask" again"`. Without
such a line, the record is its first line alone.

A cell may still be open there: if all these quotes are odd, or if the last of those lines that are odd, or end in an
open cell, opens one with its last quote. Then the record reaches to the next line with an odd number of quotes, unless
the first of them opens another cell. If it does, or if there is none, the record is `RECORD_LINES` lines: it is better
to lose 63 good rows, and to say so, than to score one that nobody wrote.

Behind it reading goes on, so that one quote never takes the rest of a table with it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import groupby

import numpy as np

RECORD_LINES, RECORD_BYTES = 64, 1 << 20
LINE_FEED = 0x0A

# A quote opens a field at its start alone: behind a comma or a line feed, or where the text begins.
# The quote stands first and the look behind it second, because the search for a literal byte is many times as fast.
# No group that can go back is inside a possessive one: Python before 3.11.5 matches those wrongly.
OPENING = rb'"(?<![^,\n]")'  # that of `"Lead`, not that of `5" Analyst`
IN_LINE = rb'[^"\n]*+(?:""[^"\n]*+)*+"(?![^,\r\n])'  # `Lead, ""AI"""`, what follows the opening quote
ANYWHERE = rb'[^"]*+(?:""[^"]*+)*+"(?![^,\r\n])'  # `told by phone,⏎ask again"`, the same over lines
OPENING_QUOTE = re.compile(OPENING)
QUOTED_IN_LINE = re.compile(OPENING + IN_LINE)
QUOTED = re.compile(OPENING + ANYWHERE)
QUOTE_OR_QUOTED = re.compile(rb"%b(?:%b())?" % (OPENING, IN_LINE))  # the empty group says that its line closes it
FIELD = rb'(?:"%b[^,\n]*+|(?!")[^,\n]*+)' % ANYWHERE
UNPAIRED = re.compile(rb'"(?<!"")(?:"")*+(?!")')  # those of `ask again"` and `""AI"""`, none of `""`
OPENS_A_CELL = re.compile(rb'(?<=[,\n])"+(?![",\r\n]|\Z)')  # that of `,"Lead`, none of `,"",` or `⏎",`
RECORD = re.compile(rb"%b(?:,%b)*(?:\n|\Z)" % (FIELD, FIELD))  # `1,"told by phone,⏎ask again",5" Analyst⏎`


def has_no_multiline_quotes(text: bytes) -> bool:
    """Whether each quote that opens a field is closed in its line, before a comma or the line's end.

    Then each line is a record. If not, one field at least spans lines, or is broken.
    """
    return b'"' not in text or OPENING_QUOTE.search(QUOTED_IN_LINE.sub(b"", text)) is None


def is_record(text: bytes) -> bool:
    """Whether the text is one record: each field that a quote opens is closed, and no line ends outside of quotes."""
    return RECORD.fullmatch(text) is not None


def unquoted(record: bytes) -> bytes:
    r"""What of a record stands outside of its quotes.

    >>> unquoted(b'1,"told by phone,\nask again",5" Analyst')
    b'1,,5" Analyst'
    """
    return QUOTED.sub(b"", record) if b'"' in record else record


def line_offsets(text: bytes) -> np.ndarray:
    r"""Where each line starts, and behind the last one where the next would. Shape: returns (lines + 1,), in bytes.

    >>> line_offsets(b"a\nbc\n").tolist(), line_offsets(b"a\nbc").tolist()
    ([0, 2, 5], [0, 2, 5])
    """
    offsets = np.append(0, np.flatnonzero(np.frombuffer(text, np.uint8) == LINE_FEED) + 1)
    return offsets if text.endswith(b"\n") else np.append(offsets, len(text) + 1)


def record_offsets(text: bytes) -> np.ndarray:
    """Where each record of a text starts, which begins and ends with whole records, and the text's end.

    Shape: returns (records + 1,).
    """
    lines = line_offsets(text)
    is_start = np.ones(len(lines), bool)
    for first, behind in _spanning(text, lines.tolist(), is_all=True):
        is_start[first + 1 : behind] = False
    return lines[is_start]


def last_start(text: bytes, before: int) -> int:
    """Where the last record starts that begins at the offset `before` or earlier; `before` is the start of a line.

    The text starts with a record and ends with a line's end; more of the table may follow it.
    """
    lines = line_offsets(text).tolist()
    line = bisect_left(lines, before)
    spanning = _spanning(text, lines, is_all=False)
    return next((lines[first] for first, behind in spanning if first < line < behind), before)


def _spanning(text: bytes, lines: list[int], *, is_all: bool) -> Iterator[tuple[int, int]]:
    """Of the records whose first line leaves a quote open, that line and the one behind the last; counted from 0.

    All other records are a line each. Unless the text is all there is, the last record may end behind the text: then
    the line behind it is len(lines). Shape: lines (lines + 1,), as `line_offsets`.
    """
    behind = 0
    while behind < len(lines) and (quote := _open_quote(text, lines[behind])) >= 0:
        first = bisect_right(lines, quote) - 1
        behind = _line_behind(text, lines, first, quote, is_all=is_all)
        yield first, behind


def _open_quote(text: bytes, start: int) -> int:
    """Where, from this start of a record on, the first quote opens that its line does not close; -1 for nowhere."""
    quotes = QUOTE_OR_QUOTED.finditer(text, start)
    return next((quote.start() for quote in quotes if quote.lastindex is None), -1)


def _line_behind(text: bytes, lines: list[int], first: int, quote: int, *, is_all: bool) -> int:
    """The line behind the record whose first line leaves this quote open; of a broken one, as the module says."""
    limit = min(first + RECORD_LINES, bisect_right(lines, lines[first] + RECORD_BYTES), len(lines) - 1)
    if record := RECORD.match(text, lines[first], lines[limit]):
        return bisect_left(lines, record.end())
    if not is_all and limit == len(lines) - 1:
        return len(lines)
    quotes = [each.start() for each in UNPAIRED.finditer(text, quote, lines[limit])]  # not the first of 5" x,"told by
    behind, is_open = first + 1, False
    for line, of_line in groupby(quotes, key=lambda each: bisect_right(lines, each)):  # counted from 1
        opens = [OPENS_A_CELL.match(text, each) is not None for each in of_line]
        if len(opens) % 2 or opens[-1]:
            behind, is_open = line, opens[-1]
        elif not all(opens[::2]):
            behind = line
    if len(quotes) % 2 or is_open:
        return _line_behind_long_cell(text, lines, first, limit, is_all=is_all)
    return behind


def _line_behind_long_cell(text: bytes, lines: list[int], first: int, limit: int, *, is_all: bool) -> int:
    """The line behind the cell that a quote leaves open beyond the bound of lines; that bound if no quote closes it."""
    last = min(bisect_right(lines, lines[first] + RECORD_BYTES), len(lines) - 1)
    quote = UNPAIRED.search(text, lines[limit], lines[last])
    if quote and OPENS_A_CELL.match(text, quote.start()):
        return limit
    unpaired = (line for line in range(limit, last) if text.count(b'"', lines[line], lines[line + 1]) % 2)
    closing = next(unpaired, None) if quote else None
    if closing is None:
        return len(lines) if not is_all and last == len(lines) - 1 else limit
    return closing + 1

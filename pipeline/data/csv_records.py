"""The records of a CSV text as RFC 4180 has them: a line each, or several, where a quoted field spans them.

A record that spans lines has at most `RECORD_LINES` lines and `RECORD_BYTES` bytes. So a quote that nothing closes
takes with it what is left of its own record, never the rest of the table.
"""

import re
from collections.abc import Iterator

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


def record_offsets(text: bytes, *, fields: int) -> np.ndarray:
    """Where each record of a text starts, which begins and ends with whole records, and the text's end.

    Shape: returns (records + 1,).
    """
    lines = line_offsets(text)
    is_start = np.ones(len(lines), bool)
    for start, end in _spanning(text, fields=fields, is_all=True):
        first, last = np.searchsorted(lines, (start, end))
        is_start[first + 1 : last] = False
    return lines[is_start]


def last_start(text: bytes, before: int, *, fields: int) -> int:
    """Where the last record starts that begins at the offset `before` or earlier; `before` is the start of a line.

    The text starts with a record and ends with a line's end; more of the table may follow it.
    """
    spanning = _spanning(text, fields=fields, is_all=False)
    return next((start for start, end in spanning if start < before < end), before)


def _spanning(text: bytes, *, fields: int, is_all: bool) -> Iterator[tuple[int, int]]:
    """The starts and ends of the records whose first line leaves a quote open; all others are a line each.

    Unless the text is all there is, the last record may end behind the text; then its end is len(text) + 1.
    """
    position = 0
    while (quote := _open_quote(text, position)) >= 0:
        start = text.rfind(b"\n", 0, quote) + 1
        position = _end(text, start, fields=fields, is_all=is_all)
        yield start, position


def _open_quote(text: bytes, start: int) -> int:
    """Where, from this start of a record on, the first quote opens that its line does not close; -1 for nowhere."""
    quotes = QUOTE_OR_QUOTED.finditer(text, start)
    return next((quote.start() for quote in quotes if quote.lastindex is None), -1)


def _end(text: bytes, start: int, *, fields: int, is_all: bool) -> int:
    """Where the record ends whose first line leaves a quote open.

    If none of the lines that it may have closes it, the record is broken. Then it has as many lines as it takes to hold
    all of its fields, and those behind them that cannot be rows: no part of it is taken for a row.
    """
    limit = _limit(text, start)
    if record := RECORD.match(text, start, limit):
        return record.end()
    if not is_all and _limit(text, limit) == len(text):
        return len(text) + 1
    end = _line_end(text, start)
    while end < limit and (text.count(b",", start, end) < fields - 1 or not _may_be_row(text, end, fields=fields)):
        end = _line_end(text, end)
    return end


def _may_be_row(text: bytes, start: int, *, fields: int) -> bool:
    """Whether the line that starts here, or the record, has all fields."""
    if text.count(b",", start, _line_end(text, start)) >= fields - 1:
        return True
    record = RECORD.match(text, start, _limit(text, start))
    return record is not None and unquoted(record.group()).count(b",") == fields - 1


def _limit(text: bytes, start: int) -> int:
    """Where the last line ends that a record which starts here may have: its first one, or more within the bounds."""
    limit = _line_end(text, start)
    for _ in range(RECORD_LINES - 1):
        end = _line_end(text, limit)
        if limit - start + len(text[limit:end].rstrip(b"\r\n")) > RECORD_BYTES:
            break
        limit = end
    return limit


def _line_end(text: bytes, start: int) -> int:
    """Where the line ends that starts here, its line feed counted."""
    return text.find(b"\n", start) + 1 or len(text)

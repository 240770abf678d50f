"""Random edits of a table's bytes, lines and cells: what a person, a spreadsheet or a broken disk may do to a file."""

import random
from collections.abc import Callable

NUMBERS = [b"", b" ", b"NA", b"1e5", b"2023.0", b"-1", b"\xff"]
QUOTED = [b'"', b'""', b'"a', b'a"', b'"a,b"', b'"a\nb"', b'"a\r\n\r\nb"']
PIECES = [b'"', b",", b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xe9", b"\xef\xbb\xbf", b'","', b'"\n"', b'"' * 7]


def mutated(body: bytes, *, seed: int, edits: int) -> bytes:
    """The table's rows after so many edits, each chosen by the seed."""
    draw = random.Random(seed)
    for _ in range(edits):
        body = draw.choice(EDITS)(body, draw)
    return body


def _bytes(body: bytes, draw: random.Random) -> bytes:
    """Some bytes go, others come in their place."""
    start = draw.randrange(len(body) + 1)
    return body[:start] + draw.choice([b"", b"\n" * 70, *PIECES]) + body[start + draw.choice([0, 1, 1, 2, 40, 400]) :]


def _flipped(body: bytes, draw: random.Random) -> bytes:
    """One byte is another."""
    start = draw.randrange(len(body) + 1)
    return body[:start] + draw.randbytes(1) + body[start + 1 :]


def _line(body: bytes, draw: random.Random) -> bytes:
    """A line goes, stands twice, is cut, or has an end of its own."""
    lines = body.split(b"\n")
    place = draw.randrange(len(lines))
    line = lines[place]
    lines[place : place + 1] = draw.choice([[], [line, line], [line[: len(line) // 2]], [line + b"\r"], [line, b""]])
    return b"\n".join(lines)


def _cell(body: bytes, draw: random.Random) -> bytes:
    """A cell goes, is another, or stands in quotes that open, close or do both."""
    lines = body.split(b"\n")
    place = draw.randrange(len(lines))
    cells = lines[place].split(b",")
    number = draw.randrange(len(cells))
    cell = cells[number]
    choices = [
        [],
        [draw.choice(NUMBERS + QUOTED)],
        [b'"' + cell],
        [cell + b'"'],
        [b'"' + cell + b'"'],
        [b'"' + cell + b'\n"'],
    ]
    cells[number : number + 1] = draw.choice(choices)
    lines[place] = b",".join(cells)
    return b"\n".join(lines)


EDITS: list[Callable[[bytes, random.Random], bytes]] = [_bytes, _flipped, _line, _cell]

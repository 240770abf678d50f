"""What no message may show: the secrets in addresses, in git's settings, in the words of a command."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from urllib.parse import unquote

from pipeline.runtime import escape

HIDDEN = "***"
SHORTEST = 4  # characters of a secret that are not shown, wherever they stand
ADDRESS = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)(\S+)")  # of any scheme: s3://bucket/key
LETTER = re.compile(r"(?:%[0-9a-f]{2})+|.", re.IGNORECASE | re.DOTALL)  # %C3%A4, a


def shown_address(address: str) -> str:
    """The address without user and password, query and fragment; anything else as it is.

    A password may hold what else ends it. So the last @ counts, and behind a ? or # it hides all of the address.

    >>> shown_address("https://me:p@ss@a.example/x.csv?token=t#f")
    'https://***@a.example/x.csv?***'
    >>> shown_address("https://me:p?ss@a.example/x.csv")
    'https://***'
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    user, shown, tail = _parts(rest)
    return f"{scheme}://{HIDDEN + '@' if user and shown else ''}{shown or HIDDEN}{tail[:1] + HIDDEN if tail else ''}"


def without_user(address: str) -> str | None:
    """The address without user and password; None if they may be any part of it."""
    scheme, _, rest = address.partition("://")
    _, shown, tail = _parts(rest)
    return f"{scheme}://{shown}{tail}" if shown else None


def secrets_in(address: str) -> Iterator[str]:
    """What `shown_address` hides.

    >>> list(secrets_in("https://me:p@ss@a.example/x.csv?token=t"))
    ['me:p@ss', 'token=t']
    """
    _, _, rest = address.partition("://")
    user, _, tail = _parts(rest)
    yield from filter(None, (user, tail[1:]))


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The text, its addresses as `shown_address` shows them, and without any four characters in a row of a secret.

    A secret that is quoted as in a URL, or by Python or JSON, is one, too.

    >>> masked("no https://me:p@a.example/x: secret%21 is wrong", ["secret!"])
    'no https://***@a.example/x: *** is wrong'
    """
    pieces = {piece for secret in secrets for form in _forms(secret) for piece, _, _ in _pieces(form)}
    if pieces:
        is_hidden = bytearray(len(text))  # by character
        for piece, start, end in _pieces(text):
            if piece in pieces:
                is_hidden[start:end] = b"\1" * (end - start)
        runs = re.finditer(b"\1+|\0+", is_hidden)
        text = "".join(HIDDEN if is_hidden[run.start()] else text[run.start() : run.end()] for run in runs)
    return ADDRESS.sub(lambda found: shown_address(found[0]), text)


def _parts(rest: str) -> tuple[str, str, str]:
    """What follows the scheme: user and password, what may be shown, and the query and fragment with their mark.

    Nothing may be shown if an @ stands behind a ? or #: either of them may belong to a password.
    """
    plain = re.split(r"[?#]", rest, maxsplit=1)[0]
    tail = rest[len(plain) :]
    if "@" in tail:
        return rest, "", ""
    user, _, shown = plain.rpartition("@")
    return user, shown, tail


def _forms(secret: str) -> Iterator[str]:
    """The ways in which programs write the secret, but for quoting as in a URL."""
    for text in (secret, unquote(secret)):
        yield from (text, repr(text), repr(text)[1:-1], json.dumps(text), json.dumps(text)[1:-1])
        yield from (escape.visible(text), escape.terminal(text))


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """All runs of so many letters as no secret may show, and where they start and end: as they stand, and unquoted."""
    for letters in ([(letter, 1) for letter in text], list(_unquoted(text))):
        starts = [0, *accumulate(length for _, length in letters)]  # (letters + 1,)
        folded = [_folded(letter) for letter, _ in letters]
        for first in range(len(letters) - SHORTEST + 1):
            last = first + SHORTEST
            yield "".join(folded[first:last]), starts[first], starts[last]


def _unquoted(text: str) -> Iterator[tuple[str, int]]:
    """The letters of which some may be quoted as in a URL, and how many characters each has there.

    >>> list(_unquoted("a%C3%A4"))
    [('a', 1), ('ä', 6)]
    """
    for quoted in LETTER.findall(text):
        letters = unquote(quoted)
        if len(quoted) == 1 or "\ufffd" in letters:  # bytes that are not UTF-8 stay as they are
            yield from ((letter, 1) for letter in quoted)
        else:
            yield from ((letter, 3 * len(letter.encode())) for letter in letters)


def _folded(letter: str) -> str:
    """The same for %2F and %2f, and for a blank that is quoted as +."""
    return " " if letter == "+" else letter.lower()

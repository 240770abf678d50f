"""Files of limited size, and strict JSON: what a stranger wrote costs no more memory than expected."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOST_DIGITS = 20  # of a whole number; 64 bits need no more
MOST_LEVELS = 16  # of lists and objects in each other


def read_bytes(path: Path, *, largest: int) -> bytes:
    """The file's bytes.

    Raises: OSError if there is none; ValueError, before anything is read, if it is no regular file or has more bytes.
    """
    size = path.stat().st_size
    if not path.is_file():
        raise ValueError(f"{path} must be a file, found a folder or a device")
    if size > largest:
        raise ValueError(f"{path} must have at most {largest:,} bytes, found {size:,}")
    return path.read_bytes()


def loads(text: bytes, *, where: str) -> Any:  # noqa: ANN401 (whatever the file holds)
    """The value of a JSON text. `where` begins the message.

    Raises: ValueError if it is no UTF-8 or no JSON, names a key twice, is nested more than 16 levels deep, or has a
    number that no 64 bits hold: NaN, Infinity, 1e999, a whole number of more than 20 digits.

    >>> loads(b'{"scale": NaN}', where="encoder.json")
    Traceback (most recent call last):
    ValueError: encoder.json must be JSON, found NaN, which is no number
    """
    try:
        value = json.loads(
            text.decode(), object_pairs_hook=each_key_once, parse_int=_whole, parse_float=_finite, parse_constant=_no
        )
        _check_nesting(value, levels=MOST_LEVELS)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} must be JSON, found {error}") from None
    return value


def each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Raises: ValueError if a key stands there twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("each key must be given once")
    return values


def _check_nesting(value: Any, *, levels: int) -> None:  # noqa: ANN401 (whatever the file holds)
    if not levels:
        raise ValueError(f"more than {MOST_LEVELS} lists and objects in each other")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(inner, dict | list):
            _check_nesting(inner, levels=levels - 1)


def _whole(digits: str) -> int:
    if len(digits.removeprefix("-")) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(digits):,} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:MOST_DIGITS]}, which no 64 bits hold")
    return number


def _no(constant: str) -> float:
    raise ValueError(f"{constant}, which is no number")

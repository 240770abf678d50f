"""Random edits of a bundle's files: what a broken disk, a merge or a stranger may do to them."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.model.bundle_fields import BACKGROUND, BUNDLE, ENCODER, FILES, WEIGHTS, hashes_of

JSON_VALUES = [
    *("NaN", "-Infinity", "1e999", "1e308", "-1e308", "1e-320", "-1", "0", "1", "2.5", "9" * 400, "1e5", "32768"),
    *('""', '"x"', '"\\ud800"', '"1"', '"log1p"', "null", "true", "false", "[]", "{}", '{"a": 1}', "[[]]"),
    *("[" + "0," * 50_000 + "0]", "[" * 50_000 + "]" * 50_000, '{"a":' * 900 + "1" + "}" * 900),
]
NUMBERS = [-1, 0, 1, 2, 3, 2**31, 2**40, 2**63, 2**64, 10**30, 1.5, None, "4"]
TYPES = ["F32", "F64", "F16", "BF16", "F8_E4M3", "F8_E8M0", "F4", "C64", "I16", "U16", "I8", "I64", "BOOL", "", "?", 7]


def with_new_hashes(folder: Path) -> None:
    """Write the hashes of the files as they are now, as a forger would, unless bundle.json cannot hold them."""
    with suppress(ValueError, RecursionError):
        facts = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
        if isinstance(facts, dict):
            files = {name: (folder / name).read_bytes() for name in FILES if name != BUNDLE}
            facts["sha256"] = hashes_of(files, facts)
            (folder / BUNDLE).write_text(json.dumps(facts, indent=2), encoding="utf-8")


def edit(folder: Path, *, seed: int) -> None:
    """Edit one of the bundle's files as the seed says."""
    draw = random.Random(seed)
    change, names = draw.choice(EDITS)
    path = folder / draw.choice(names)
    path.write_bytes(change(path.read_bytes(), draw))


def _bytes(content: bytes, draw: random.Random) -> bytes:
    """Some bytes go, others come in their place."""
    start = draw.randrange(len(content) + 1)
    other = draw.choice([b"", draw.randbytes(1), draw.randbytes(8), b"\0" * 512, b"\xff" * 4, content[:64], b" ", b"9"])
    return content[:start] + other + content[start + draw.choice([0, 1, 1, 4, len(other), 600]) :]


def _bit(content: bytes, draw: random.Random) -> bytes:
    """One bit is the other, most often one near the start: there the header of the tensors is."""
    at = draw.randrange(draw.choice([8, min(len(content), 400), len(content)]))
    return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]


def _cut(content: bytes, draw: random.Random) -> bytes:
    """The end is lost, or there is more of it."""
    return content[: draw.randrange(len(content))] if draw.random() < 0.8 else content + content


def _value(content: bytes, draw: random.Random) -> bytes:
    """A value of the JSON is another, a key is another, stands twice, or is gone."""
    facts = json.loads(content)
    owner, key = draw.choice(list(_places(facts)))
    value, is_key = owner[key], isinstance(owner, dict)
    if draw.random() < 0.6:
        owner[key] = "@@"
        return json.dumps(facts).encode().replace(b'"@@"', draw.choice(JSON_VALUES).encode())
    if is_key and draw.random() < 0.5:
        owner[key] = "@@"
        twice = f"{json.dumps(value)}, {json.dumps(key)}: {draw.choice(JSON_VALUES)}"
        return json.dumps(facts).encode().replace(b'"@@"', twice.encode())
    del owner[key]
    if is_key and draw.random() < 0.5:
        owner[draw.choice(["", "x", "\ud800", f"{key} ", "sha256"])] = value
    elif not is_key:
        owner.insert(draw.randrange(len(owner) + 1), draw.choice([value, *owner, 0, "US"]))
    return json.dumps(facts).encode()


def _places(value: Any) -> Any:
    """Each object or list in the JSON, with each key or position in it."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _number(content: bytes, draw: random.Random) -> bytes:
    """A number of the JSON is a bit larger, of the other sign, or of another size."""
    facts = json.loads(content)
    places = [(owner, key) for owner, key in _places(facts) if type(owner[key]) in (int, float)]
    owner, key = draw.choice(places)
    owner[key] = draw.choice([owner[key] + 1, -owner[key], owner[key] * 1.001, owner[key] * 1e30, owner[key] / 1e30])
    return json.dumps(facts).encode()


def _header(content: bytes, draw: random.Random) -> bytes:
    """The header of a safetensors file says other types, shapes, places or names, or that it has another length."""
    length = int.from_bytes(content[:8], "little")
    header, numbers = json.loads(content[8 : 8 + length]), content[8 + length :]
    name = draw.choice(list(header))
    tensor = header[name]
    kind = draw.randrange(6)
    if kind == 0:
        tensor["dtype"] = draw.choice(TYPES)
    elif kind == 1:
        tensor["shape"] = draw.choice([tensor["shape"][::-1], [], [draw.choice(NUMBERS)] * draw.randint(1, 3)])
    elif kind == 2:
        tensor["data_offsets"] = draw.choice(
            [header[draw.choice(list(header))]["data_offsets"], draw.sample(NUMBERS, 2)]
        )
    elif kind == 3:
        header[draw.choice(["", "x", "\ud800", "a" * 9999, *header])] = header.pop(name)
    elif kind == 4:
        draw.choice([header, tensor]).pop(draw.choice([name, "dtype", "shape", "data_offsets"]), None)
    text = json.dumps(header).encode()
    size = draw.choice([0, 7, length + 1, 2**31, 2**63, 2**64 - 1]) if kind == 5 else len(text)
    return size.to_bytes(8, "little") + text + numbers


def _floats(content: bytes, draw: random.Random) -> bytes:
    """All numbers of a safetensors file are one: huge, infinite, none, or of the other sign."""
    start = 8 + int.from_bytes(content[:8], "little")
    one = draw.choice([b"\x99\x76\x96\x7e", b"\x99\x76\x96\xfe", b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"\xff\x7f\xff\x7f"])
    return content[:start] + one * ((len(content) - start) // 4)  # 1e38, -1e38, infinity, NaN, the largest int16


TENSORS, JSONS = (WEIGHTS, BACKGROUND), (BUNDLE, BUNDLE, ENCODER)
EDITS: list[tuple[Callable[[bytes, random.Random], bytes], tuple[str, ...]]] = [
    *((_bytes, FILES), (_bit, FILES), (_cut, FILES)),
    *((_value, JSONS), (_value, JSONS), (_number, JSONS)),
    *((_header, TENSORS), (_floats, TENSORS)),
]

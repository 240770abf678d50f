"""A browser without a screen: how wide it lays out a page, and what it draws."""

import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from re import search

import numpy as np

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions")
HEIGHT = 1600
# In a frame, because the narrowest window of the browser is wider than a phone.
FRAME = """<!doctype html><title>not yet</title><body style="margin:0"><iframe srcdoc="{page}"
style="border:0;width:{width}px;height:{height}px" onload="measure(this.contentDocument.documentElement)"></iframe>
<script>function measure(root) {{ document.title = root.scrollWidth + ' of ' + root.clientWidth }}</script>"""


@dataclass(frozen=True)
class Picture:
    """Pixels. Shape: (height, width, 3) uint8."""

    pixels: np.ndarray

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def share(self, colour: str) -> float:
        """The share of the pixels that have the colour, such as #fff or #14181f."""
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        return float((self.pixels == np.frombuffer(bytes.fromhex(digits), np.uint8)).all(axis=2).mean())


@dataclass(frozen=True)
class Browser:
    """Chromium with a profile of its own in the folder."""

    folder: Path

    def measure(self, page: str, *, width: int) -> tuple[int, int]:
        """How wide the page's content is, and how wide it may be, in pixels."""
        found = search(r"<title>(\d+) of (\d+)</title>", self._run(page, width, "--dump-dom"))
        assert found, "the page has not loaded"
        return int(found[1]), int(found[2])

    def draw(self, page: str, *, width: int, dark: bool) -> Picture:
        """The page's top, as a reader who prefers a light or a dark scheme sees it."""
        file = self.folder / "picture.png"
        file.unlink(missing_ok=True)
        self._run(page, width, f"--screenshot={file}", f"--blink-settings=preferredColorScheme={0 if dark else 1}")
        return Picture(read_png(file.read_bytes()))

    def _run(self, page: str, width: int, *flags: str) -> str:
        file = self.folder / "frame.html"
        file.write_text(FRAME.format(page=escape(page), width=width, height=HEIGHT), encoding="utf-8")
        window = (f"--user-data-dir={self.folder / 'profile'}", f"--window-size={width},{HEIGHT}")
        command = [str(CHROMIUM), *FLAGS, *window, *flags, file.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def read_png(content: bytes) -> np.ndarray:
    """The pixels of a PNG file of 8 bits per channel, not interlaced. Shape: returns (height, width, 3) uint8.

    Source: the PNG specification, third edition, chapters 5, 9 and 11.
    """
    chunks, offset = b"", 8
    while offset < len(content):
        length, kind = struct.unpack_from(">I4s", content, offset)
        chunks += content[offset + 8 : offset + 8 + length] if kind == b"IDAT" else b""
        offset += length + 12
    width, height, depth, colour, *_, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    assert (depth, interlaced) == (8, 0)
    channels = {2: 3, 6: 4}[colour]
    lines = np.frombuffer(zlib.decompress(chunks), np.uint8).reshape(height, 1 + width * channels)
    return unfiltered(lines, channels).reshape(height, width, channels)[..., :3]


def unfiltered(lines: np.ndarray, channels: int) -> np.ndarray:
    """Each line without the filter that its first byte names. Shape: (height, 1 + bytes); returns (height, bytes)."""
    above, found = np.zeros(lines.shape[1] - 1, np.uint8), []
    for kind, line in zip(lines[:, 0].tolist(), lines[:, 1:], strict=True):
        if kind in (0, 2):
            above = line + (above if kind else np.uint8(0))
        elif kind == 1:
            above = line.reshape(-1, channels).cumsum(axis=0, dtype=np.uint8).ravel()
        else:
            above = np.array(_from_the_left(line.tolist(), above.tolist(), channels, kind), np.uint8)
        found.append(above)
    return np.array(found)


def _from_the_left(line: list[int], above: list[int], channels: int, kind: int) -> list[int]:
    """A line of the filters Average and Paeth, whose bytes need those left of them."""
    done = [0] * channels
    above = [0] * channels + above
    for index, byte in enumerate(line):
        left, up, corner = done[index], above[index + channels], above[index]
        if kind == 3:
            guess = (left + up) // 2
        else:
            guess = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
        done.append((byte + guess) & 255)
    return done[channels:]

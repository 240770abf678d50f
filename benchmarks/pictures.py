"""Draws pictures of docs/pictures from the shipped models' report: `python -m benchmarks.pictures`.

Each is some figures of metrics/report.html as one SVG file. The same report gives the same bytes.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.runtime.command import command

REPORT = Path("metrics/report.html")
PICTURES = {  # the ends of the figures' titles; of the figures with one title the first is the best recipe's
    "scores.svg": (
        "error on the test rows",
        "Importance of the features",
        "Predicted against actual",
        "Learning curves",
    ),
    "residuals.svg": ("Residuals", "Calibration"),
}
# <figure><figcaption><b>Residuals</b>The ends hold all.</figcaption><svg viewBox="0 0 360 230" …>…</svg></figure>
FIGURE = re.compile(
    r"<figure><figcaption><b>(?P<title>.*?)</b>(?P<note>.*?)</figcaption>"
    r'<svg viewBox="0 0 (?P<width>\d+) (?P<height>\d+)"(?P<chart>.*?</svg>)</figure>',
    re.DOTALL,
)
STYLE = """svg {{ width: {width}px; margin: 0 }} svg svg {{ width: {inner}px }}
.page {{ fill: var(--paper) }} .card {{ fill: var(--card) }}
.title {{ font-size: 15px; font-weight: 600 }} .caption {{ fill: var(--soft) }}
"""  # after the report's own
COLUMNS, GAP, CAPTION, EDGE = 2, 16, 52, 14  # GAP between figures, EDGE inside of one, CAPTION above its chart: pixels


def main() -> None:
    """Write the pictures into the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    out: Path = parser.parse_args().out
    with command("benchmarks.pictures"):
        report = REPORT.read_text(encoding="utf-8")
        for name, titles in PICTURES.items():
            (out / name).write_text(picture(report, titles), encoding="utf-8")


def picture(report: str, titles: Sequence[str]) -> str:
    """The report's first figure of each title, side by side, in the report's own colours, as SVG.

    Raises: ValueError if the report has no figure of a title.
    """
    figures = [first_figure(report, title) for title in titles]
    rows = [figures[start : start + COLUMNS] for start in range(0, len(figures), COLUMNS)]
    parts, top = [], GAP
    for row in rows:
        height = CAPTION + max(int(figure["height"]) for figure in row) + EDGE
        lefts = (GAP + column * (card_width(row[0]) + GAP) for column in range(len(row)))
        parts += [card(figure, left, top, height) for left, figure in zip(lefts, row, strict=True)]
        top += height + GAP
    inner = figures[0]["width"]
    width = GAP + COLUMNS * (card_width(figures[0]) + GAP)
    style = report.partition("<style>")[2].partition("</style>")[0] + STYLE.format(width=width, inner=inner)
    size = f'viewBox="0 0 {width} {top}" width="{width}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{", ".join(titles)}</title>'
    page = f'<rect class="page" width="{width}" height="{top}"/>'
    return "\n".join([head, f"<style>{style}</style>", page, *parts, "</svg>\n"])


def first_figure(report: str, title: str) -> re.Match[str]:
    """The report's first figure whose title ends so."""
    for figure in FIGURE.finditer(report):
        if figure["title"].endswith(title):
            return figure
    raise ValueError(f"{REPORT}: a figure's title must end with {title!r}, found none; run dvc repro")


def card_width(figure: re.Match[str]) -> int:
    """Of a figure with its edges, in pixels."""
    return int(figure["width"]) + 2 * EDGE


def card(figure: re.Match[str], left: int, top: int, height: int) -> str:
    """A figure with its title and note above the chart."""
    return (
        f'<g transform="translate({left} {top})">'
        f'<rect class="card" width="{card_width(figure)}" height="{height}" rx="10"/>'
        f'<text class="title" x="{EDGE}" y="24">{figure["title"]}</text>'
        f'<text class="caption" x="{EDGE}" y="42">{figure["note"]}</text>'
        f'<svg x="{EDGE}" y="{CAPTION}" width="{figure["width"]}" height="{figure["height"]}"'
        f' viewBox="0 0 {figure["width"]} {figure["height"]}"{figure["chart"]}</g>'
    )


if __name__ == "__main__":
    main()

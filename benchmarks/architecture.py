"""Draws docs/pictures/architecture.svg, who imports whom, from the code itself: `python -m benchmarks.architecture`.

A package stands as high as those that import it let it. An arrow that follows from others is thin. The same code gives
the same bytes.
"""

import argparse
import ast
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from statistics import mean

from pipeline.reporting.svg import text_at
from pipeline.runtime.command import command

CODE = Path(__file__).parents[1] / "pipeline"
TOP, LOW = "what is run", {"params", "versions"}  # at the top of pipeline/, but imported like a package
WIDTH, LAYER, EDGE = 760, 92, 24  # pixels: the picture, from one layer to the next, the room around all
BOX_WIDTH, BOX_HEIGHT, LETTERS = 124, 44, 118  # pixels; letters in a line of the box of what is run
STYLE = """
svg { --paper: #fff; --ink: #1c2430; --soft: #5c6675; --card: #eef3fa; --line: #2563b8 }
@media (prefers-color-scheme: dark) {
  svg { --paper: #14181f; --ink: #e6eaf0; --soft: #9aa5b4; --card: #1f2733; --line: #6ea8fe }
}
text { font: 12px system-ui, sans-serif; fill: var(--soft); text-anchor: middle }
.name { font-size: 14px; font-weight: 600; fill: var(--ink) }
.page { fill: var(--paper) } .box { fill: var(--card); stroke: var(--line) }
path { fill: none; stroke: var(--line) } .thin { stroke-opacity: .28 } .tip { fill: var(--line); stroke: none }
"""

Imports = Mapping[str, Set[str]]
"""The packages that each package imports."""
Place = tuple[float, int]
"""The middle of a box's upper edge, in pixels from the left and from the top."""


def main() -> None:
    """Write the picture into the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    out: Path = parser.parse_args().out
    with command("benchmarks.architecture"):
        (out / "architecture.svg").write_text(picture(sorted(CODE.rglob("*.py"))), encoding="utf-8")


def picture(files: Iterable[Path]) -> str:
    """The files of pipeline/ as boxes in layers, with an arrow from each to those that it imports, as SVG."""
    modules = {path.relative_to(CODE).with_suffix("").parts: path for path in files if path != CODE / "__init__.py"}
    imports = {name: set[str]() for name in sorted(map(package_of, modules))}
    for parts, path in modules.items():
        imports[package_of(parts)] |= imported(path) - {package_of(parts)}
    sizes = Counter(package_of(parts) for parts in modules if parts[-1] != "__init__")
    thick = {name: {other for other in imports[name] if not follows(imports, name, other)} for name in imports}
    places = placed(layers(imports), thick)
    pairs = sorted(
        (other in thick[name], name, other) for name in imports for other in imports[name]
    )  # thin ones first
    marks = [arrow(places[name], places[other], thin=not is_thick) for is_thick, name, other in pairs]
    marks += [box(name, *places[name], sizes[name]) for name in imports if name != TOP]
    marks.append(box_of_all(", ".join(parts[0] for parts in modules if package_of(parts) == TOP)))
    height = max(y for _, y in places.values()) + BOX_HEIGHT + EDGE
    size = f'width="{WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size} role="img">'
    title = f"<title>Who imports whom</title><style>{STYLE}</style>"
    return "\n".join([head, title, f'<rect class="page" {size}/>', *marks, "</svg>\n"])


def package_of(parts: tuple[str, ...]) -> str:
    """The package that a module of pipeline/ is in; what stands at the top is one box, but for the settings."""
    return parts[0] if len(parts) > 1 or parts[0] in LOW else TOP


def imported(path: Path) -> set[str]:
    """The packages whose modules a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".")[1:] for name in names if name.startswith("pipeline.")]
    # pipeline.data.clean.CLEAN is of data, and pipeline.params.load of params
    return {package_of(tuple(name)) if (CODE / name[0]).is_dir() else package_of((name[0],)) for name in parts}


def layers(imports: Imports) -> list[list[str]]:
    """The packages, layer by layer from the top: each below all that import it.

    Raises: ValueError if some import each other.
    """
    found: list[list[str]] = []
    left = set(imports)
    while left:
        layer = sorted(name for name in left if not any(name in imports[other] for other in left))
        if not layer:
            raise ValueError(f"no packages may import each other in a circle; found {', '.join(sorted(left))}")
        found.append(layer)
        left -= set(layer)
    return found


def placed(found: Sequence[Sequence[str]], imports: Imports) -> dict[str, Place]:
    """The place of each package: those of a layer side by side, each near the ones below that it imports."""
    places: dict[str, Place] = {}

    def middle(name: str) -> tuple[float, str]:
        return mean([places[other][0] for other in imports[name]] or [WIDTH / 2]), name

    for number, layer in reversed([*enumerate(found)]):
        order = sorted(layer, key=middle)
        for column, name in enumerate(order):
            places[name] = WIDTH * (2 * column + 1) / (2 * len(order)), EDGE + LAYER * number
    return places


def follows(imports: Imports, one: str, other: str) -> bool:
    """Whether a package reaches another by way of a third, too."""
    thirds = imports[one] - {other}
    return any(other in imports[third] or follows(imports, third, other) for third in thirds)


def arrow(above: Place, below: Place, *, thin: bool) -> str:
    """A curve from the lower edge of a box to the upper edge of another."""
    (x0, y0), (x1, y1) = above, below
    start, end = y0 + BOX_HEIGHT, y1 - 6
    bend = (end - start) / 2
    path = f"M{x0:g} {start}C{x0:g} {start + bend:g} {x1:g} {end - bend:g} {x1:g} {end}"
    tip = f"M{x1 - 4:g} {end}h8l-4 6z"
    kind = ' class="thin"' if thin else ""
    return f'<g{kind}><path d="{path}"/><path class="tip" d="{tip}"/></g>'


def box(name: str, x: float, y: int, size: int) -> str:
    """A package with the number of its modules."""
    count = [] if name in LOW else [text_at(x, y + 35, f"{size} modules")]
    lines = [text_at(x, y + (18 if count else 27), name, kind="name"), *count]
    return frame(x - BOX_WIDTH / 2, y, BOX_WIDTH) + "".join(lines)


def box_of_all(run: str) -> str:
    """All that is run, in a box as wide as the picture."""
    lines = textwrap.wrap(run, LETTERS)
    texts = (text_at(WIDTH / 2, EDGE + 18 + 17 * number, line) for number, line in enumerate(lines))
    return frame(EDGE, EDGE, WIDTH - 2 * EDGE) + "".join(texts)


def frame(x: float, y: int, width: float) -> str:
    """A box from its upper left corner."""
    return f'<rect class="box" x="{x:g}" y="{y}" width="{width:g}" height="{BOX_HEIGHT}" rx="7"/>'


if __name__ == "__main__":
    main()

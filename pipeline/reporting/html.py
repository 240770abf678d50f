"""The report as one HTML page: pictures inside, no script, no network, light and dark, on a phone and on a screen."""

from collections.abc import Sequence
from itertools import chain

from pipeline.data.schema import MSE, NOUN, TEXT, UNIT, in_unit
from pipeline.reporting import summary, svg, verdicts
from pipeline.reporting.run_results import RecipeResult, RunResults
from pipeline.reporting.summary import Rows, money, percent
from pipeline.reporting.svg import Axis
from pipeline.runtime.escape import html

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5c6675; --grid: #e3e7ec; --card: #f6f8fa;
  --c0: #2563b8; --c1: #d9730d; --mark: #b3261e }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --ink: #e6eaf0; --soft: #9aa5b4; --grid: #2c3440;
  --card: #1b212a; --c0: #6ea8fe; --c1: #ffa94d; --mark: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem } h2 { margin: 2.5rem 0 .5rem } p { max-width: 46rem }
.lead { font-size: 1.15rem } .note, figcaption { color: var(--soft); font-size: .9rem }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)) }
figure { margin: 0; padding: .9rem; background: var(--card); border-radius: .6rem }
figcaption b { display: block; color: var(--ink); font-size: 1rem }
svg { display: block; width: 100%; margin-top: .5rem; font: 11px system-ui, sans-serif; fill: var(--ink) }
svg .grid { stroke: var(--grid) } svg .tick, svg .label { fill: var(--soft); text-anchor: middle }
svg .tick.left, svg .name { text-anchor: end } svg .name { font-size: 10px }
svg .mark { stroke: var(--mark); stroke-dasharray: 4 3; fill: none }
svg .line { fill: none; stroke-width: 2 } svg .dots { stroke: var(--c0); stroke-opacity: .45; stroke-width: 4;
  stroke-linecap: round } rect.c0, text.c0 { fill: var(--c0) } text.c1 { fill: var(--c1) }
.line.c0 { stroke: var(--c0) } .line.c1 { stroke: var(--c1) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0 }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--grid); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
th { white-space: normal; overflow-wrap: normal; vertical-align: bottom }
"""
META = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
HEAD = f"<head>{META}<title>Training report</title><style>{STYLE}</style></head>"
PLAIN = "{:g}".format  # of the ticks


def page(results: RunResults) -> str:
    """The whole page."""
    parts = [
        "<h1>Training report</h1>",
        _paragraph(summary.headline(results.recipes[0]), "lead"),
        "<h2>Scores</h2>",
        _grid([_methods(result) for result in results.recipes]),
        _paragraph(summary.SCORES_NOTE, "note"),
        _table(summary.scores(results.recipes)),
    ]
    charts = (_learning, _predictions, _residuals, _calibration, _importance, _bias)
    for result in results.recipes:
        parts += [f"<h2>{html(result.name)}</h2>", _paragraph(summary.description(result))]
        parts += [_grid([chart(result) for chart in charts])]
        parts += ["<h3>Where it is most wrong</h3>", _table(summary.worst_slices(result))]
        parts += ["<h3>How often its intervals hold</h3>", _table(summary.coverage(result))]
        parts += [_paragraph(summary.COVERAGE_NOTE, "note")]
        for part in verdicts.parts(result):
            parts += [f"<h3>{html(part.title)}</h3>", _paragraph(part.verdict)]
            parts += [_table(part.rows), _paragraph(part.note, "note")] if len(part.rows) > 1 else []
    parts += ["<h2>Data</h2>", _table(summary.data(results))]
    parts += ["<h2>How to reproduce it</h2>", _paragraph(f"{summary.REPRODUCE} {summary.reproduction(results)}")]
    return "\n".join(["<!doctype html>", f'<html lang="en">{HEAD}<body>', *parts, "</body></html>\n"])


def _methods(result: RecipeResult) -> str:
    title = f"errors of {result.name} and baselines"
    chart = svg.bars(result.methods, text=money, title=title, line=result.noise_floor)
    note = "Root mean squared error; dashed: the noise floor, an estimate."
    return _figure(f"{result.name}: error on the test rows", note, chart)


def _learning(result: RecipeResult) -> str:
    epochs, train, valid = zip(*result.numbers("learning_curve", "epoch", "train_mse", "valid_mse"), strict=True)
    series = {"training": list(zip(epochs, train, strict=True)), "validation": list(zip(epochs, valid, strict=True))}
    x = Axis.over([0, len(epochs)], label="epoch", text=PLAIN)
    y = Axis.over([*train, *valid], label="mean squared error, normalised", text=PLAIN)
    note = "Training includes dropout." if getattr(result.recipe.network, "dropout", 0) else "Of each epoch."
    return _figure("Learning curves", note, svg.lines(series, x=x, y=y, title="learning curves"))


def _predictions(result: RecipeResult) -> str:
    kinds = ("actual", "predicted")
    points = [(x, y) for x, y in result.numbers("predictions", *map(in_unit, kinds))]
    x, y = (Axis.over([0.0, *chain(*points)], label=f"{kind} {NOUN}, {UNIT}", text=_thousands) for kind in kinds)
    chart = svg.scatter(points, x=x, y=y, title="predicted against actual")
    return _figure("Predicted against actual", f"{len(points):,} test rows; dashed: equal.", chart)


def _residuals(result: RecipeResult) -> str:
    counts = [(residual, rows) for residual, rows in result.numbers("residuals", in_unit("residual"), "rows")]
    x = Axis.over([residual for residual, _ in counts], label=f"predicted - actual, {UNIT}", text=_thousands)
    y = Axis.over([0.0, *(rows for _, rows in counts)], label="test rows", text=PLAIN)
    return _figure("Residuals", "The ends hold all beyond.", svg.histogram(counts, x=x, y=y, title="residuals"))


def _calibration(result: RecipeResult) -> str:
    kinds = ("predicted", "actual")
    points = [(x, y) for x, y in result.numbers("calibration", *map(in_unit, kinds))]
    x, y = (Axis.over([*chain(*points)], label=f"mean {kind} {NOUN}, {UNIT}", text=_thousands) for kind in kinds)
    chart = svg.lines({"tenths": points}, x=x, y=y, title="calibration", diagonal=True)
    return _figure("Calibration", "Each tenth of the test rows by prediction; dashed: perfect.", chart)


def _importance(result: RecipeResult) -> str:
    increases = {row["feature"]: float(row[in_unit("mse_increase", power=2)]) for row in result.tables["importance"]}
    error = result.metrics[f"test_{MSE}"]
    shares = {name: value / error for name, value in sorted(increases.items(), key=lambda item: -item[1])}
    chart = svg.bars(shares, text=percent, title="importance of the features")
    return _figure("Importance of the features", "By how much the squared error grows when one is shuffled.", chart)


def _bias(result: RecipeResult) -> str:
    biases = {row["slice"].removeprefix(f"{TEXT}="): float(row[in_unit("bias")]) for row in result.tables["slices"]}
    largest = sorted(biases, key=lambda name: -abs(biases[name]))[: summary.SLICES]
    chart = svg.bars({name: biases[name] for name in largest}, text=money, title="bias by slice")
    return _figure("Largest biases", "Mean of predicted - actual among the test rows of a value.", chart)


def _figure(title: str, note: str, chart: str) -> str:
    return f"<figure><figcaption><b>{html(title)}</b>{html(note)}</figcaption>{chart}</figure>"


def _grid(figures: Sequence[str]) -> str:
    return f'<div class="grid">{"".join(figures)}</div>'


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{html(text)}</p>'


def _table(rows: Rows) -> str:
    header, *body = ["".join(f"<td>{html(cell)}</td>" for cell in row) for row in rows]
    if not body:
        return _paragraph(summary.TOO_FEW, "note")
    lines = [f"<tr>{header.replace('td>', 'th>')}</tr>", *(f"<tr>{row}</tr>" for row in body)]
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _thousands(value: float) -> str:
    return f"{value / 1000:g}k"

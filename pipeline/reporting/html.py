"""The report as one HTML page: pictures inside, no script, no network, light and dark, on a phone and on a screen."""

from itertools import chain

from pipeline.data.schema import MSE, NOUN, TEXT, UNIT, in_unit
from pipeline.reporting import summary, svg, verdicts
from pipeline.reporting.bars import bars
from pipeline.reporting.elements import document, figure, grid, paragraph, table
from pipeline.reporting.run_results import RecipeResult, RunResults
from pipeline.reporting.summary import Rows, money, percent
from pipeline.reporting.svg import Axis
from pipeline.runtime.escape import html

PLAIN = "{:g}".format  # of the ticks


def page(results: RunResults) -> str:
    """The whole page."""
    parts = [
        "<h1>Training report</h1>",
        paragraph(summary.headline(results.recipes[0]), "lead"),
        "<h2>Scores</h2>",
        grid([_methods(result) for result in results.recipes]),
        paragraph(summary.SCORES_NOTE, "note"),
        _table(summary.scores(results.recipes)),
    ]
    charts = (_learning, _predictions, _residuals, _calibration, _importance, _bias)
    for result in results.recipes:
        parts += [f"<h2>{html(result.name)}</h2>", paragraph(summary.description(result))]
        parts += [grid([chart(result) for chart in charts])]
        parts += ["<h3>Where it is most wrong</h3>", _table(summary.worst_slices(result))]
        parts += ["<h3>How often its intervals hold</h3>", _table(summary.coverage(result))]
        parts += [paragraph(summary.COVERAGE_NOTE, "note")]
        for part in verdicts.parts(result):
            parts += [f"<h3>{html(part.title)}</h3>", paragraph(part.verdict)]
            parts += [_table(part.rows), paragraph(part.note, "note")] if len(part.rows) > 1 else []
    parts += ["<h2>Data</h2>", _table(summary.data(results))]
    parts += ["<h2>How to reproduce it</h2>", paragraph(f"{summary.REPRODUCE} {summary.reproduction(results)}")]
    return document("Training report", parts)


def _methods(result: RecipeResult) -> str:
    title = f"errors of {result.name} and baselines"
    chart = bars(result.methods, text=money, title=title, line=result.noise_floor, own=result.name)
    note = "Root mean squared error; dashed: the noise floor, an estimate."
    return figure(f"{result.name}: error on the test rows", note, chart)


def _learning(result: RecipeResult) -> str:
    epochs, train, valid = zip(*result.numbers("learning_curve", "epoch", "train_mse", "valid_mse"), strict=True)
    series = {"training": list(zip(epochs, train, strict=True)), "validation": list(zip(epochs, valid, strict=True))}
    x = Axis.over([0, len(epochs)], label="epoch", text=PLAIN)
    y = Axis.over([*train, *valid], label="mean squared error, normalised", text=PLAIN)
    note = "Training includes dropout." if getattr(result.recipe.network, "dropout", 0) else "Of each epoch."
    return figure("Learning curves", note, svg.lines(series, x=x, y=y, title="learning curves"))


def _predictions(result: RecipeResult) -> str:
    kinds = ("actual", "predicted")
    points = [(x, y) for x, y in result.numbers("predictions", *map(in_unit, kinds))]
    x, y = (Axis.over([0.0, *chain(*points)], label=f"{kind} {NOUN}, {UNIT}", text=_thousands) for kind in kinds)
    chart = svg.scatter(points, x=x, y=y, title="predicted against actual")
    what = "groups of test rows" if "rows" in result.tables["predictions"][0] else "test rows"
    return figure("Predicted against actual", f"{len(points):,} {what}; dashed: equal.", chart)


def _residuals(result: RecipeResult) -> str:
    counts = [(residual, rows) for residual, rows in result.numbers("residuals", in_unit("residual"), "rows")]
    x = Axis.over([residual for residual, _ in counts], label=f"predicted - actual, {UNIT}", text=_thousands)
    y = Axis.over([0.0, *(rows for _, rows in counts)], label="test rows", text=PLAIN)
    return figure("Residuals", "The ends hold all beyond.", svg.histogram(counts, x=x, y=y, title="residuals"))


def _calibration(result: RecipeResult) -> str:
    kinds = ("predicted", "actual")
    points = [(x, y) for x, y in result.numbers("calibration", *map(in_unit, kinds))]
    x, y = (Axis.over([*chain(*points)], label=f"mean {kind} {NOUN}, {UNIT}", text=_thousands) for kind in kinds)
    chart = svg.lines({"tenths": points}, x=x, y=y, title="calibration", diagonal=True)
    return figure("Calibration", "Each tenth of the test rows by prediction; dashed: perfect.", chart)


def _importance(result: RecipeResult) -> str:
    increases = {row["feature"]: float(row[in_unit("mse_increase", power=2)]) for row in result.tables["importance"]}
    error = result.metrics[f"test_{MSE}"]
    shares = {name: value / error for name, value in sorted(increases.items(), key=lambda item: -item[1])}
    chart = bars(shares, text=percent, title="importance of the features")
    return figure("Importance of the features", "By how much the squared error grows when one is shuffled.", chart)


def _bias(result: RecipeResult) -> str:
    biases = {row["slice"].removeprefix(f"{TEXT}="): float(row[in_unit("bias")]) for row in result.tables["slices"]}
    largest = sorted(biases, key=lambda name: -abs(biases[name]))[: summary.SLICES]
    chart = bars({name: biases[name] for name in largest}, text=money, title="bias by slice")
    return figure("Largest biases", "Mean of predicted - actual among the test rows of a value.", chart)


def _table(rows: Rows) -> str:
    return table(rows) if len(rows) > 1 else paragraph(summary.TOO_FEW, "note")


def _thousands(value: float) -> str:
    return f"{value / 1000:g}k"

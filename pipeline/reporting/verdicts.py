"""What a model owes its users, in words and tables: that every feature earns its place, and that it is fair."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.data.schema import MAE, MSE, NOUN, in_unit
from pipeline.reporting.run_results import RecipeResult
from pipeline.reporting.summary import Rows, money, percent

FEATURES_NOTE = (
    "By how much the squared error on test rows grows when the feature's values move to other rows, with its 95 %"
    " interval. Then what the feature costs: codes, parameters that the network would not have without it, and test"
    " rows with a value that was in no training row, or in too few."
)
FAIRNESS_NOTE = (
    "The bias is the mean of predicted - actual. It and the mean absolute error count as shares of the group's mean"
    f" {NOUN}, the error as a multiple of that share among all test rows. A group is within the limits, or beyond one,"
    " if the whole 95 % interval is. Of the groups exactly at a limit, chance puts one in forty beyond it."
)
NO_GROUPS = "No feature is audited: AUDITED in pipeline/data/schema.py names none."
ENDS = ("_low", "_high")
WITHIN, BEYOND = "within", "beyond by "  # as evaluate writes verdicts


@dataclass(frozen=True)
class Verdict:
    """A title, a sentence that judges, the table that shows why, and a note that explains the table."""

    title: str
    verdict: str
    rows: Rows
    note: str


def parts(result: RecipeResult) -> tuple[Verdict, Verdict]:
    """On the features, and on fairness."""
    return (
        Verdict("What each feature earns", features_verdict(result), features(result), FEATURES_NOTE),
        Verdict("Fairness", fairness_verdict(result), fairness(result), FAIRNESS_NOTE),
    )


def features(result: RecipeResult) -> Rows:
    """What each feature is worth and costs, the most important first."""
    rows = [["feature", "verdict", "squared error grows by", "95 % interval", "codes", "parameters", "rows unseen"]]
    error, growth = result.metrics[f"test_{MSE}"], in_unit("mse_increase", power=2)
    for row in sorted(result.tables["importance"], key=lambda row: -float(row[growth])):
        low, high = (percent(float(row[in_unit(f"mse_increase{end}", power=2)]) / error) for end in ENDS)
        costs = [f"{int(row['codes']):,}", f"{int(row['parameters']):,}", percent(float(row["unseen_share"]))]
        verdict = "no gain shown" if _is_idle(row) else "earns its place"
        rows.append([row["feature"], verdict, percent(float(row[growth]) / error), f"{low} to {high}", *costs])
    return rows


def features_verdict(result: RecipeResult) -> str:
    """Which features are not shown to be worth anything, and what they cost."""
    idle = [
        f"{row['feature']} ({int(row['codes']):,} codes, {int(row['parameters']):,} parameters, unseen values in"
        f" {percent(float(row['unseen_share']))} of the test rows)"
        for row in result.tables["importance"]
        if _is_idle(row)
    ]
    if not idle:
        return "Every feature earns its place: no interval reaches zero."
    return f"Not shown to earn their place, as their intervals reach zero: {', '.join(idle)}."


def _is_idle(row: Mapping[str, str]) -> bool:
    return float(row[in_unit("mse_increase_low", power=2)]) <= 0


def fairness(result: RecipeResult) -> Rows:
    """Bias and error of each audited group with their intervals, and what the limits say of them."""
    header = ["group", "verdict", "test rows", "bias", "as a share", "95 % interval", "mean absolute error"]
    rows = [[*header, "as a multiple", "95 % interval"]]
    for row in result.tables["fairness"]:
        bias = [money(float(row[in_unit("bias")])), percent(float(row["bias_share"]))]
        bias += [" to ".join(percent(float(row[f"bias_share{end}"])) for end in ENDS)]
        error = [money(float(row[MAE])), f"{float(row['error_ratio']):.2f}"]
        error += [" to ".join(f"{float(row[f'error_ratio{end}']):.2f}" for end in ENDS)]
        rows.append([row["group"], row["verdict"], row["rows"], *bias, *error])
    return rows


def fairness_verdict(result: RecipeResult) -> str:
    """How many groups are beyond the limits, and which; how many are within, or too small to tell."""
    groups = result.tables["fairness"]
    if not groups:
        return NO_GROUPS
    beyond = [f"{row['group']} ({row['verdict'].removeprefix(BEYOND)})" for row in groups if BEYOND in row["verdict"]]
    within = sum(row["verdict"] == WITHIN for row in groups)
    bias, error = (float(groups[0][f"{name}_limit"]) for name in ("bias_share", "error_ratio"))
    limits = f"a bias of {percent(bias)} of their mean {NOUN}, {error:g} times the error of all"
    return (
        f"Beyond the limits ({limits}): {len(beyond)} of {len(groups)} groups{': ' if beyond else ''}"
        f"{', '.join(beyond)}. Within them: {within}. Too few rows to tell: {len(groups) - len(beyond) - within}."
    )

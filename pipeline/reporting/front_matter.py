"""What a model hub reads of a model card: its licence, its tags and its scores, as YAML."""

from pipeline.data.schema import CARD_LICENCE_TAG, CARD_PROJECT, MAE, MSE, NOUN, RMSE
from pipeline.reporting.run_results import RecipeResult
from pipeline.reporting.summary import interval_levels
from pipeline.runtime import yaml_files

TASK = "tabular-regression"


def front_matter(result: RecipeResult, *, table: str, sha256: str) -> str:
    """The facts of a recipe's model and its scores on the test rows of the table, as lines of YAML.

    Source: "Model Cards" of the Hugging Face Hub's documentation, with its model-index.
    """
    scores = {"mse": MSE, "rmse": RMSE, "mae": MAE, "r2": "r2"}  # how hubs and the metrics file call them
    scores |= {name: name for name in (f"coverage{level}" for level in interval_levels(result.metrics))}
    metrics = [
        {"type": kind, "name": f"test_{name}", "value": result.metrics[f"test_{name}"]} for kind, name in scores.items()
    ]
    dataset = {"type": "csv", "name": table, "split": "test", "revision": sha256}
    results = [{"task": {"type": TASK}, "dataset": dataset, "metrics": metrics}]
    facts = {
        "license": CARD_LICENCE_TAG,
        "library_name": CARD_PROJECT,
        "pipeline_tag": TASK,
        "tags": [TASK, CARD_PROJECT, NOUN],
        "metrics": list(scores),
        "model-index": [{"name": f"{CARD_PROJECT} {result.name}", "results": results}],
    }
    return yaml_files.dump(facts)

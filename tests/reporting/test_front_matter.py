from pipeline.reporting.front_matter import front_matter
from pipeline.runtime import yaml_files
from tests.support.reports import make_result


def facts(folder, table="raw.csv"):
    (folder / "front.yaml").write_text(
        front_matter(make_result(folder / "metrics"), table=table, sha256="89ab"), encoding="utf-8"
    )
    return yaml_files.read(folder / "front.yaml")


def test_a_model_hub_finds_licence_task_and_tags(tmp_path):
    found = facts(tmp_path)
    assert (found["license"], found["pipeline_tag"]) == ("mit", "tabular-regression")
    assert found["tags"] == ["tabular-regression", "salary-pipeline", "salary"]


def test_a_model_hub_finds_the_scores_on_the_test_rows_of_the_table(tmp_path):
    found = facts(tmp_path)
    (model,) = found["model-index"]
    (result,) = model["results"]
    assert model["name"] == "salary-pipeline mine"
    assert result["dataset"] == {"type": "csv", "name": "raw.csv", "split": "test", "revision": "89ab"}
    scores = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert scores == {
        "mse": 4e8,
        "rmse": 20_000.0,
        "mae": 42_424.0,
        "r2": 0.525,
        "coverage80": 0.811,
        "coverage95": 0.957,
    }
    assert found["metrics"] == list(scores)


def test_a_table_may_be_called_anything(tmp_path):
    name = "a: b #c\n---\n- {d}: 'e"
    assert facts(tmp_path, table=name)["model-index"][0]["results"][0]["dataset"]["name"] == name.replace("\n", "\\n")

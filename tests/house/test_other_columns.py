"""One more column, and another table altogether: the pipeline from end to end, with no other file touched."""

import ast
import json
import re
import shlex
import shutil
from pathlib import Path
from textwrap import indent

import pandas as pd
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pipeline.data import schema
from tests.support.work_tree import ROOT, copy_of_the_work_tree, run

PAGE = (ROOT / "docs/your-own-columns.md").read_text(encoding="utf-8")
FLATS = ROOT / "tests/support/flats"
PATHS = {"schema.py": "pipeline/data/schema.py", "sample.py": "pipeline/sample.py", "params.yaml": "params.yaml"}
SAME_FOR_ANY_TABLE = "# From here on everything is the same for any table."
MAY_CHANGE = re.compile(
    r"(pipeline/data/schema\.py|pipeline/sample\.py|params\.yaml|dvc\.lock|(data/raw|metrics)/\S+)$"
)


def blocks(language: str) -> list[str]:
    """The page's blocks in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def changed_files(clone: Path) -> list[str]:
    return [line[3:] for line in run(clone, "git", "status", "--porcelain", "--untracked-files=all").splitlines()]


def explained(clone: Path, row: dict[str, object]) -> dict[str, str]:
    """What explain says of the row, by the first cell of its lines."""
    shown = run(clone, "python", "-m", "pipeline.explain", "--model", "models/full", "--row", json.dumps(row))
    return dict(re.split(r"  +", line, maxsplit=1) for line in shown.splitlines()[1:])


@pytest.fixture(scope="module")
def with_industry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained copy of the work tree whose table, contract and settings have one more feature."""
    clone = copy_of_the_work_tree(tmp_path_factory.mktemp("one more column"))
    (field,) = (block for block in blocks("python") if "industry" in block)
    contract, settings = clone / "pipeline/data/schema.py", clone / "params.yaml"
    text = read(contract).replace("VERSION = 2 ", "VERSION = 3 ")
    contract.write_text(text.replace("\n\nRULES =", f"{indent(field, '    ')}\n\nRULES ="), encoding="utf-8")
    text = read(settings).replace("    - company_size\n", "    - company_size\n    - industry\n")
    settings.write_text(text.replace("epochs: 20", "epochs: 2"), encoding="utf-8")
    table = pd.read_csv(clone / "data/raw/salaries.csv", dtype=str, keep_default_na=False)[:600]
    table["industry"] = ["health" if int(amount) % 2 else "media" for amount in table["salary_in_usd"]]
    table.to_csv(clone / "data/raw/salaries.csv", index=False)
    run(clone, "dvc", "repro")
    return clone


@pytest.mark.soak
def test_one_more_feature_needs_the_schema_the_settings_and_the_table(with_industry):
    assert not [name for name in changed_files(with_industry) if not MAY_CHANGE.match(name)]
    assert "pipeline/sample.py" not in changed_files(with_industry)


@pytest.mark.soak
def test_one_more_feature_is_encoded(with_industry):
    encoder = json.loads(read(with_industry / "data/prepared/encoder.json"))
    assert encoder["vocabularies"]["industry"] == ["health", "media"]
    assert set(pq.read_table(with_industry / "data/prepared/train.parquet")["industry"].to_pylist()) == {1, 2}


@pytest.mark.soak
def test_one_more_feature_is_read_by_the_network(with_industry):
    row = {
        "work_year": 2023, "experience_level": "SE", "employment_type": "FT", "job_title": "Data Engineer",
        "employee_residence": "US", "remote_ratio": 0, "company_location": "US", "company_size": "M",
    }  # fmt: skip
    found = {industry: explained(with_industry, row | {"industry": industry}) for industry in ("health", "media")}
    assert re.fullmatch(r"health +[+-][\d,]+  1", found["health"]["industry"])
    assert found["health"]["prediction"] != found["media"]["prediction"]
    assert "industry" in read(with_industry / "metrics/plots/full/importance.csv")


@pytest.mark.soak
def test_one_more_feature_is_read_from_a_table_to_predict(with_industry, tmp_path):
    row = pd.read_csv(with_industry / "data/raw/salaries.csv", dtype=str, keep_default_na=False)[:1]
    rows = pd.concat([row.assign(industry=industry) for industry in ("health", "media", "other", "law")])
    rows.to_csv(tmp_path / "new.csv", index=False)
    files = [str(tmp_path / "new.csv"), "--out", str(tmp_path / "predicted.csv")]
    run(with_industry, "python", "-m", "pipeline.predict", "--model", "models/full", *files)
    found = pd.read_csv(tmp_path / "predicted.csv", keep_default_na=False)
    assert found["industry"].tolist() == ["health", "media", "other", "law"]
    assert found["predicted_salary_usd"].iloc[0] != found["predicted_salary_usd"].iloc[1]
    assert found["unknown_features"].tolist()[:3] == ["", "", "industry"]  # no training row has "other"
    assert found["problem"].iloc[3].startswith("industry must be ")


@pytest.fixture(scope="module")
def flats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the work tree with the files of the flats in it, in which the page's commands have run."""
    clone = copy_of_the_work_tree(tmp_path_factory.mktemp("another table"))
    for name, path in PATHS.items():
        shutil.copyfile(FLATS / name, clone / path)
    for_any_table = read(ROOT / PATHS["schema.py"]).split(SAME_FOR_ANY_TABLE)[1]
    with (clone / PATHS["schema.py"]).open("a", encoding="utf-8") as contract:
        contract.write(f"\n{SAME_FOR_ANY_TABLE}{for_any_table}")
    for command in "".join(blocks("sh")).splitlines():
        run(clone, *shlex.split(command, comments=True))
    return clone


@pytest.mark.soak
def test_another_table_needs_no_other_file(flats):
    changed = changed_files(flats)
    assert not [name for name in changed if not MAY_CHANGE.match(name) and name != "rents.csv"]
    assert set(PATHS.values()) < set(changed)


@pytest.fixture(scope="module")
def texts(flats: Path) -> dict[str, str]:
    """All that the pipeline tells people."""
    files = ["metrics/report.md", "metrics/report.html", "metrics/cards/course.md", "metrics/cards/full.md"]
    row = {"district": "Hafen", "rooms": 3, "area_in_m2": 74, "condition": "new"}
    explain = ["python", "-m", "pipeline.explain", "--model", "models/full", "--row", json.dumps(row)]
    commands = {
        "explain": explain,
        "results": ["python", "-m", "pipeline.results"],
        "help": ["python", "-m", "pipeline.predict", "--help"],
        "plots": ["dvc", "plots", "show", "--json"],
    }
    texts = {name: read(flats / name) for name in [*files, "rents.csv"]}
    return texts | {name: run(flats, *command) for name, command in commands.items()}


@pytest.mark.soak
def test_what_it_tells_people_is_about_rents_in_euros(texts):
    for name, words in {
        "metrics/report.md": ("rents", "€"),
        "metrics/report.html": ("rents", "€", "EUR"),
        "metrics/cards/full.md": ("rent", "EUR", "district, rooms, area_in_m2, condition"),
        "rents.csv": ("predicted_rent_eur", "low_80_eur", "high_95_eur"),
        "explain": ("euros",),
        "results": ("EUR",),
        "plots": ("predicted rent, EUR",),
    }.items():
        assert not [word for word in words if word not in texts[name]], name


OF_SALARIES = re.compile(r".{0,30}(?:salar|\busd|usd\b|dollar|\$ ?\d|\bjobs?\b|title_word).{0,30}", re.IGNORECASE)


@pytest.mark.soak
def test_what_it_tells_people_says_nothing_of_salaries_in_dollars(texts):
    found = {name: OF_SALARIES.findall(text.replace("salary-pipeline", "")) for name, text in texts.items()}
    assert {name: excerpts for name, excerpts in found.items() if excerpts} == {}


@pytest.mark.soak
def test_the_plots_name_columns_that_there_are(texts):
    shown = json.loads(texts["plots"])
    assert len(shown["data"]) > 5
    assert "errors" not in shown


@pytest.mark.soak
def test_predictions_of_rents_lie_between_their_ends(flats):
    table = pd.read_csv(flats / "rents.csv")
    assert len(table) == 2000
    assert table["predicted_rent_eur"].between(table["low_80_eur"], table["high_80_eur"]).all()
    assert table["predicted_rent_eur"].corr(table["rent_in_eur"]) > 0.8


@pytest.mark.soak
def test_the_row_counts_of_a_table_without_estimates_count_none(flats):
    assert not [name for name in json.loads(read(flats / "metrics/prepare.json")) if "estimate" in name]


@pytest.mark.soak
def test_the_page_shows_the_explanation_that_it_promises(flats):
    (command,) = (line for line in "".join(blocks("sh")).splitlines() if "pipeline.explain" in line)
    assert run(flats, *shlex.split(command)) in blocks("text")


def test_the_page_shows_the_files_that_the_test_runs():
    contract, sample = read(FLATS / "schema.py"), read(FLATS / "sample.py")
    shown = contract[contract.index("VERSION =") :]
    assert [block for block in blocks("python") if "industry" not in block] == [shown, sample]
    lines = {line.strip() for line in read(FLATS / "params.yaml").splitlines()}
    (settings,) = blocks("yaml")
    assert not [line for line in settings.splitlines() if line.strip() not in lines]


def test_the_settings_of_the_flats_differ_in_their_table_and_their_features_alone():
    ours, theirs = (YAML(typ="safe").load(file) for file in (ROOT / "params.yaml", FLATS / "params.yaml"))
    for settings in (ours, theirs):
        del settings["data"]["path"]
        del settings["nightly"]["source"], settings["nightly"]["notify"]  # a fork has its own
        for recipe in settings["recipes"].values():
            del recipe["features"]
    assert theirs == ours


@pytest.mark.parametrize("file", [ROOT / PATHS["schema.py"], FLATS / "schema.py"], ids=["salaries", "flats"])
def test_dvc_can_read_the_names_that_it_takes_from_the_schema(file):
    (entry,) = YAML(typ="safe").load(ROOT / "dvc.yaml")["vars"]
    path, names = entry.split(":")
    assert path == PATHS["schema.py"]
    plain = {  # as DVC reads a file: one name, one literal
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(read(file)).body
        if isinstance(node, ast.Assign)
        if isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    assert set(names.split(",")) <= plain.keys()
    assert all(isinstance(plain[name], str) for name in names.split(","))
    assert file.parent == FLATS or all(plain[name] == getattr(schema, name) for name in names.split(","))


@pytest.mark.parametrize("name", ["GROUP", "TEXT", "AUDITED"])
def test_a_name_that_is_no_feature_is_refused(tmp_path, name):
    text = re.sub(rf'^({name}(, WORDS)? = \(?)"\w+"', r'\1"typo"', read(ROOT / PATHS["schema.py"]), flags=re.M)
    (tmp_path / "schema.py").write_text(text, encoding="utf-8")
    shown = run(tmp_path, "python", "-c", f"import sys; sys.path.append({str(ROOT)!r}); import schema", code=1)
    assert "schema.py: GROUP, AUDITED, TEXT and ESTIMATED_VALUES must name features, found typo" in shown

"""Replays of a few nights: in a small project, and of real weeks behind `make soak`."""

import csv
import datetime
import math
import shutil

import pytest
from ruamel.yaml import YAML

from pipeline.backtest.run import dated_snapshots, replay
from pipeline.repository.project import Project
from pipeline.runtime.errors import RuleError
from tests.support.night_project import TONIGHT, WORSE, YESTERDAY
from tests.support.tiny_project import git, state
from tests.support.work_tree import copy_of_the_work_tree

DATES = [datetime.date(2026, 1, day) for day in (1, 8, 15, 22)]


@pytest.fixture(scope="module")
def replayed(made_night_project, tmp_path_factory):
    """A replay of four nights: its nights, the folder of its files, and what it has changed in the project.

    Its training notes each table in `trained.txt`, and the recipes in `recipes.txt`. An output is neither cached nor a
    metric, and stays until replaced.
    """
    folder = tmp_path_factory.mktemp("replay")
    for date, table in zip(DATES, (YESTERDAY, TONIGHT, b"<html>", WORSE), strict=True):
        (folder / f"weekly_{date}.csv").write_bytes(table)
    user = shutil.copytree(made_night_project.parent, folder / "in", symlinks=True) / "user"
    train = (user / "train.sh").read_text()
    note = f"md5sum <data/raw/salaries.csv | tee metrics/curve.txt >>'{folder}/trained.txt'\n"
    recipes = f"sed -n '/^recipes:/,$ s/^  \\([a-z]*\\):.*/\\1/p' params.yaml >>'{folder}/recipes.txt'\n"
    (user / "train.sh").write_text(train + note + recipes)
    settings = YAML(typ="safe").load(user / "dvc.yaml")
    settings["stages"]["train"]["outs"].append({"metrics/curve.txt": {"cache": False, "persist": True}})
    YAML().dump(settings, user / "dvc.yaml")
    git(user, "commit", "--quiet", "--all", "--message", "a training that says what it has trained on")
    before = state(user)
    nights = replay(dated_snapshots(folder), project=Project.at(user), out=folder / "out")
    return nights, folder / "out", (before, state(user))


def test_each_snapshot_is_one_night_with_its_decision(replayed):
    nights, out, _ = replayed
    assert [night.result.outcome for night in nights] == ["first", "promoted", "rejected", "kept"]
    history = list(csv.DictReader((out / "history.csv").read_text().splitlines()))
    assert [(line["date"], line["decision"]) for line in history] == list(
        zip(map(str, DATES), ("first", "promoted", "rejected", "kept"), strict=True)
    )


def test_no_table_is_trained_on_twice(replayed):
    _, out, _ = replayed
    trained = (out.parent / "trained.txt").read_text().splitlines()
    assert len(trained) == len(set(trained)) == len(DATES)


def test_no_recipe_but_that_of_the_nights_is_trained(replayed):
    _, out, _ = replayed
    assert set((out.parent / "recipes.txt").read_text().splitlines()) == {"full"}


def test_the_project_is_as_it_was(replayed):
    _, _, (before, after) = replayed
    assert before == after


def test_champion_and_first_model_are_scored_on_the_rows_that_came(replayed):
    nights, out, _ = replayed
    assert [night.on_new_rows is not None for night in nights] == [False, True, False, True]
    rows, champion, never = nights[1].on_new_rows
    assert rows == 40
    assert champion == pytest.approx(never)  # on the second night both are the first model
    total = math.sqrt(sum(n * error for n, error, _ in (nights[1].on_new_rows, nights[3].on_new_rows)) / 80)
    assert f"the champion's RMSE is {total:,.0f} USD" in (out / "replay.md").read_text()


def test_the_summary_counts_the_endings_and_lists_the_nights(replayed):
    text = (replayed[1] / "replay.md").read_text()
    assert text.startswith("# 4 nights, 2026-01-01 to 2026-01-22\n")
    assert "- rejected: 1" in text
    cells = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ") for line in text.splitlines()}
    assert cells["2026-01-08"][1:4] == ["promoted", "640", "40"]
    assert cells["2026-01-22"][1] == "kept"
    assert int(cells["2026-01-22"][6].replace(",", "")) > int(cells["2026-01-22"][4].replace(",", ""))


def test_the_summary_tells_how_the_score_ages(replayed):
    section = (replayed[1] / "replay.md").read_text().split("## How the score ages")[1]
    # on the second night the one model is a week old, and the champion; the last brings rows, but is not accepted
    assert "| 1 | 1.0 | 1 | 40 | 1.000 | too few nights |" in section
    assert "| 4 |" not in section
    assert "Whether models age cannot be told" in section
    assert "What the test score foretells cannot be told" in section


def test_the_picture_has_a_dot_for_each_night_and_one_for_the_warning(replayed):
    text = (replayed[1] / "replay.svg").read_text()
    in_legend = 1
    dots = [text.count(f'<circle class="{kind}"') - in_legend for kind in ("c0", "c1", "warning")]
    assert dots == [2, 2, 1]


def test_a_folder_without_dates_or_with_one_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must be a folder of tables .* found no such table"):
        dated_snapshots(tmp_path)
    for name in ("a_2026-01-31.csv.gz", "b_2026-02-01.parquet", "c_2026-02-02.txt"):
        (tmp_path / name).write_bytes(YESTERDAY)
    assert [date.isoformat() for date in dated_snapshots(tmp_path)] == ["2026-01-31", "2026-02-01"]
    for name in ("a", "b"):
        (tmp_path / f"{name}_2026-01-31.csv").write_bytes(YESTERDAY)
    with pytest.raises(ValueError, match=r"found a_2026-01-31.csv, a_2026-01-31.csv.gz"):
        dated_snapshots(tmp_path)


def test_a_table_that_lies_elsewhere_is_refused_and_stays(made_night_project, tmp_path):
    user = shutil.copytree(made_night_project.parent, tmp_path / "in", symlinks=True) / "user"
    (tmp_path / "mine.csv").write_bytes(YESTERDAY)
    (tmp_path / "a_2026-01-31.csv").write_bytes(TONIGHT)
    settings = (user / "params.yaml").read_text()
    (user / "params.yaml").write_text(settings.replace("path: data/raw/salaries.csv", f"path: {tmp_path}/mine.csv"))
    git(user, "commit", "--quiet", "--all", "--message", "a table elsewhere")
    with pytest.raises(RuleError, match=r"data\.path must lie in the project, .*, found .*mine\.csv; name a path"):
        replay(dated_snapshots(tmp_path), project=Project.at(user), out=tmp_path / "out")
    assert (tmp_path / "mine.csv").read_bytes() == YESTERDAY


@pytest.mark.soak
@pytest.mark.real
def test_the_same_replay_writes_the_same_bytes(real_tables, tmp_path):
    project = Project.at(copy_of_the_work_tree(tmp_path / "project"))
    (tmp_path / "weekly").mkdir()
    for file in real_tables[60:66]:
        shutil.copy(file, tmp_path / "weekly")
    files = []
    for name in ("one", "other"):
        replay(dated_snapshots(tmp_path / "weekly"), project=project, out=tmp_path / name)
        files.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert files[0] == files[1]

"""A tuning of two trials on tiny snapshots, in a project of its own: what it writes, and what it leaves as it is."""

import datetime
import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import params, train, tune
from pipeline.backtest import forward
from pipeline.backtest.space import SPACES, trials_of
from pipeline.backtest.trials import AS_IS
from pipeline.backtest.tuning import SEEDS, Tuned
from pipeline.data.schema import TARGET
from pipeline.inference.predictions import predict
from pipeline.runtime.yaml_edit import with_values
from pipeline.tune import main, prepare_in, train_in
from tests.conftest import prepare_settings
from tests.support.recipes import make_recipe
from tests.support.splits import read_split
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT, run

CHOOSING = 2  # dates
TRAININGS = (1 + 2) * CHOOSING + 2 * SEEDS
FILES = ("tune.md", "params.diff")


def settings_of(folder):
    return YAML(typ="safe").load(folder / "params.yaml")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project whose `full` learns next to nothing, with a folder of snapshots."""
    folder = tmp_path_factory.mktemp("project")
    few = {"optimizer.learning_rate": 0.00001, "epochs": 40, "batch_size": 64}
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = with_values(text, {f"recipes.full.{path}": value for path, value in few.items()})
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "versions.json", folder)
    (folder / "weekly").mkdir()
    for week in range(7):
        date = datetime.date(2023, 1, 1) + week * datetime.timedelta(days=7)
        (folder / f"weekly/salaries_{date}.csv").write_bytes(table(rows(150 + 20 * week)))
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "start")
    return folder


@pytest.fixture(scope="module")
def call(made):
    """A caller of the command in the project's folder; returns how many trainings it ran. One of them may fail."""

    def call(*arguments, ctrl_c_at=0):
        ran: list[params.Recipe] = []
        run_stage = train.run

        def counted(recipe, *others, **named):
            if len(ran) + 1 == ctrl_c_at:
                raise KeyboardInterrupt
            run_stage(recipe, *others, **named)
            ran.append(recipe)

        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(made)
            patch.setattr(forward, "LEAST_NEW_ROWS", 10)
            patch.setattr(forward, "CHOOSING", CHOOSING)
            patch.setattr(train, "run", counted)
            try:
                main([*arguments, "--weeks", "1"])
            except SystemExit as error:
                return len(ran), error.code
        return len(ran), 0

    return call


@pytest.fixture(scope="module")
def tuned(made, call):
    """The project after a tuning of `full`, which is in the folder `tune`."""
    assert call("weekly", "--recipe", "full", "--trials", "2", "--out", "tune") == (TRAININGS, 0)
    return made


def test_the_diff_applies_and_changes_the_recipe_to_the_best_trial_and_nothing_else(tuned, tmp_path):
    project = Path(shutil.copytree(tuned, tmp_path / "copy"))
    before = settings_of(project)
    assert run(project, "git", "status", "--porcelain") == "?? tune/\n"
    run(project, "git", "apply", "tune/params.diff")
    after = settings_of(project)
    best = params.parse(params.Recipe, after["recipes"].pop("full"), where="full")
    recipe = params.parse(params.Recipe, before["recipes"].pop("full"), where="full")
    assert after == before
    assert best in [trial.recipe for trial in trials_of(recipe, count=2)[1:]]
    changed = set(re.findall(r"^[-+] +([a-z_]+):", run(project, "git", "diff", "params.yaml"), flags=re.MULTILINE))
    assert changed <= {path.rpartition(".")[2] for path in SPACES["embedding"]}


def test_the_table_begins_with_the_verdict_and_has_all_trials(tuned):
    text = (tuned / "tune/tune.md").read_text(encoding="utf-8")
    assert text.startswith("# Tuning full\n\nTrial ")
    assert "On 2023-02-05, which no trial was chosen by" in text
    assert sorted(re.findall(r"^\| (\d) ", text, flags=re.MULTILINE)) == ["0", "1", "2"]
    assert "| 0 | as it is | 1.000 | 1.000 |" in text


def test_what_is_finished_is_not_trained_again_and_the_same_comes_out(tuned, call):
    before = [(tuned / "tune" / name).read_bytes() for name in FILES]
    assert call("weekly", "--recipe", "full", "--trials", "2", "--out", "tune") == (0, 0)
    assert [(tuned / "tune" / name).read_bytes() for name in FILES] == before


@pytest.mark.soak
def test_a_run_that_was_interrupted_goes_on_and_writes_the_same_bytes(tuned, call, capsys):
    arguments = ("weekly", "--recipe", "full", "--trials", "2", "--out", "../other")
    assert call(*arguments, ctrl_c_at=5) == (4, 130)
    assert "finished trainings are kept, and the same command goes on from there" in capsys.readouterr().err
    other = tuned.parent / "other"
    assert [path.name for path in other.iterdir()] == ["trainings"]
    assert call(*arguments) == (TRAININGS - 4, 0)
    assert [(other / name).read_bytes() for name in FILES] == [(tuned / "tune" / name).read_bytes() for name in FILES]
    shutil.rmtree(other)


def test_other_code_trains_anew(monkeypatch):
    """What that key does is tested in tests/backtest/test_trials.py."""
    recipe = params.load(params.Recipe, "recipes", "full")
    before = tune.decided_by(recipe)
    assert {"pipeline/train.py", "pipeline/prepare.py", "pipeline/training/fit.py"} <= before["code"].keys()
    assert before["packages"].keys() >= {"numpy", "torch"}
    assert tune.decided_by(recipe) == before
    monkeypatch.setattr(tune, "imported_files", lambda script: {"pipeline/train.py": ROOT / "README.md"})
    assert tune.decided_by(recipe) != before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("weekly", "--recipe", "fulll"), "recipes.fulll is missing; found course, full; did you mean full?"),
        (("nowhere",), "tune: nowhere: must be a folder of tables"),
        (("weekly/few",), "tuning needs at least 4 snapshots; found 1: bring more snapshots, or give other --weeks"),
    ],
)
def test_what_cannot_be_tuned_is_one_message_and_writes_nothing(made, call, capsys, arguments, words):
    (made / "weekly/few").mkdir(exist_ok=True)
    (made / "weekly/few/salaries_2023-01-01.csv").write_bytes(table(rows(9)))
    assert call(*arguments, "--out", "none") == (0, 1)
    assert words in capsys.readouterr().err
    assert not (made / "none").exists()


def test_a_recipe_that_is_best_as_it_is_has_no_diff_any_more(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune/params.diff").write_text("of an older run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune, "report", lambda tuned, name: name)
    trials = trials_of(params.load(params.Recipe, "recipes", "full"), count=1)
    tune.write(Tuned(trials, [], AS_IS, None), "full", out=Path("tune"))
    assert [path.name for path in Path("tune").iterdir()] == ["tune.md"]


def test_nights_say_which_recipe_is_tuned_if_nobody_does(made, monkeypatch, capsys):
    monkeypatch.chdir(made)
    monkeypatch.setattr(tune, "choose_cut_offs", lambda *_, **__: [])
    monkeypatch.setattr(tune, "tune", lambda trials, cut_offs, *, forward: trials)
    monkeypatch.setattr(tune, "verdict", lambda trials: [])
    monkeypatch.setattr(tune, "next_step", lambda trials, out: "")
    written = []
    monkeypatch.setattr(tune, "write", lambda trials, name, *, out: written.append((len(trials), name, out)))
    main(["weekly", "--out", "none"])
    assert written == [(1 + 30, "full", Path("none"))]


def test_the_stages_of_the_pipeline_run_in_one_folder(tmp_path):
    (tmp_path / "salaries.csv").write_bytes(table(rows(300)))
    prepare_in(tmp_path, tmp_path / "salaries.csv", settings=prepare_settings())
    bundle = train_in(tmp_path, make_recipe(epochs=1))
    test = read_split(tmp_path / "test.parquet")
    assert predict(bundle, test).predicted.shape == test[TARGET].shape
    assert set(bundle.provenance["packages"]) == {"numpy", "pyarrow", "safetensors", "torch"}

"""Rolling back a tiny project after some nights."""

import csv
import hashlib
import shutil
from datetime import UTC, datetime

import pytest

from pipeline.nights.anchor import read_anchor
from pipeline.nights.one_at_a_time import LOCK_FILE, only_one
from pipeline.nights.rollback import rollback
from pipeline.repository.dvc_lock import Caches, outputs, place_of, read_lock
from pipeline.runtime.errors import RuleError
from tests.support.night_history import COLUMNS, FIRST, OPERATOR, RECORD, SECOND, night
from tests.support.settings import write_settings
from tests.support.skips import in_soak
from tests.support.tiny_project import commit, git, state
from tests.support.work_tree import run

STAGES = """
stages:
  train:
    cmd: >-
      mkdir -p models metrics/recipes && cat table.csv {code} >models/weights
      && wc -c <models/weights >{full} && wc -l <models/weights >{course}
    deps: [table.csv, {code}]
    params: [recipes]
    outs: [models]
    metrics: [{full}: {{cache: false}}, {course}: {{cache: false}}]
"""

WEIGHTS_MD5 = hashlib.md5(b"a\n1\none\n", usedforsecurity=False).hexdigest()  # of the first night's model


@pytest.fixture(scope="module")
def back(made_past, tmp_path_factory):
    """A project that is back at its first night, whose models the remote had; and what was said. Not to change.

    Of the models' files the cache had lost one, and damaged the other.
    """
    user = shutil.copytree(made_past.parent, tmp_path_factory.mktemp("back") / "in", symlinks=True) / "user"
    (user / "notes.md").write_text("of the user, not committed")
    (user / ".dvc/cache/files").rename(user.parent / "remote/files")  # which is how `dvc push` has it there
    damaged = user / ".dvc/cache" / place_of(WEIGHTS_MD5)
    damaged.parent.mkdir(parents=True)
    damaged.write_text("damaged")
    damaged.chmod(0o444)
    shutil.rmtree(user / "models")
    return user, rollback(user, tag=FIRST)


@pytest.fixture
def refused(past):
    """A project in which rolling back is to fail, and nothing may be changed."""

    def check(match, tag=FIRST):
        before = state(past)
        with pytest.raises(RuleError, match=match):
            rollback(past, tag=tag)
        assert state(past) == before
        assert {path.name for path in (past / ".cache").iterdir()} - {"dvc"} == {LOCK_FILE.name}

    return check


def test_the_table_the_lock_and_the_metrics_are_those_of_the_night(back):
    user, _ = back
    assert git(user, "diff", "--stat", FIRST, "HEAD", "--", ".", *(f":!{name}" for name in RECORD)) == ""
    assert [file.name for file in (user / "metrics/plots").iterdir()] == ["2.csv"]
    assert (user / "table.csv").read_text() == "a\n1\n"


def test_the_anchor_is_that_of_the_night_and_its_model_is_at_hand(back):
    user, _ = back
    anchor = read_anchor(user)
    assert anchor
    assert outputs(read_lock(user / "dvc.lock"))["models"] == anchor.model_md5
    assert Caches((user / ".dvc/cache",)).files("models", anchor.model_md5)


def test_the_outputs_are_checked_out_even_if_only_the_remote_has_them(back):
    user, _ = back
    assert (user / "models/weights").read_text() == "a\n1\none\n"
    assert "up to date" in run(user, "dvc", "status")


def test_the_record_goes_on_telling_of_all_nights_and_its_history_tells_of_the_rollback(back):
    user, _ = back
    columns, *_, night, last = (user / "metrics/history.csv").read_text().splitlines()
    assert (columns, night) == (COLUMNS, "2026-01-05")
    (line,) = csv.DictReader([columns, last])
    md5 = hashlib.md5(b"a\n1\n", usedforsecurity=False).hexdigest()
    assert (line["decision"], line["tag"], line["table_md5"], line["rows"]) == ("rollback", FIRST, md5, "")
    committed = datetime.fromisoformat(git(user, "log", "-1", "--format=%cI")).astimezone(UTC)
    assert line["date"] == committed.date().isoformat()
    assert git(user, "diff", "--numstat", "HEAD~1", "--", RECORD[0]).split()[:2] == ["1", "0"]


def test_the_reports_say_where_the_operator_went_and_the_decision_of_the_last_night_stays(back):
    user, _ = back
    changed = git(user, "diff", "--name-only", "HEAD~1", "--", *RECORD).split()
    assert changed == ["metrics/history.csv", "metrics/nightly.md", "metrics/nights.html"]
    assert f"An operator went back to {FIRST}, and" in (user / "metrics/nightly.md").read_text()
    assert f"An operator went back to {FIRST}, and" in (user / "metrics/nights.html").read_text()


@pytest.mark.soak
def test_what_says_what_the_metrics_are_stays_even_if_that_night_had_none(past):
    (past / "metrics/README.md").write_text("newer than the night")
    commit(past)
    rollback(past, tag=FIRST)
    assert git(past, "diff", "--stat", "HEAD~1", "--", "metrics/score.txt")
    assert (past / "metrics/README.md").read_text() == "newer than the night"


def test_it_is_one_commit_by_the_operator_on_the_branch_and_not_pushed(back, made_past):
    user, _ = back
    assert git(user, "symbolic-ref", "--short", "HEAD") == "main"
    assert git(user, "rev-parse", "HEAD~1", "origin/main").split() == [git(made_past, "rev-parse", "main")] * 2
    assert git(user, "log", "-1", "--format=%an %ae %cn %s") == (
        f"{OPERATOR} operator@a.example {OPERATOR} Roll back to {FIRST}"
    )
    assert datetime.fromisoformat(git(user, "log", "-1", "--format=%cI")) <= datetime.now(UTC)


def test_changes_of_the_user_elsewhere_stay(back):
    user, _ = back
    assert (user / "notes.md").read_text() == "of the user, not committed"
    assert git(user, "status", "--porcelain") == "M notes.md"


def test_it_says_what_it_did_and_what_is_next(back):
    user, said = back
    assert said == [
        f"rollback: main is back at {FIRST}, by the new commit {git(user, 'rev-parse', '--short', 'HEAD')}",
        "files: dvc.lock, table.csv, 4 in metrics; the history and the reports of the nights tell of it",
        "models: models (md5 420c4dd5 → 1151074c)",
        "next: git push, dvc push",
    ]


def test_at_the_night_already_there_is_nothing_to_do(past):
    before = state(past)
    assert rollback(past, tag=SECOND) == [f"rollback: nothing to do, main has all files of {SECOND}"]
    assert state(past) == before


@pytest.mark.soak
def test_with_other_code_it_goes_back_and_says_what_would_run_again(past):
    commit(past, code="two\n")
    said = rollback(past, tag=FIRST)
    assert said[-1].endswith("settings or versions are not that night's: dvc repro would run train again")
    assert (past / "models/weights").read_text() == "a\n1\none\n"


@pytest.mark.soak
def test_a_table_that_dvc_has_goes_back_too(past):
    git(past, "rm", "--quiet", "--cached", "table.csv")
    run(past, "dvc", "add", "--quiet", "table.csv")
    night(past, "2026-01-06", table="a\n6\n", tag="nightly-2026-01-06")
    (past / "table.csv").write_text("a\n7\n")
    run(past, "dvc", "add", "--quiet", "table.csv")
    commit(past)
    assert rollback(past, tag="nightly-2026-01-06")
    assert (past / "table.csv").read_text() == "a\n6\n"


def test_a_night_whose_table_is_a_link_that_leads_out_is_refused(past, refused, tmp_path):
    (tmp_path / "elsewhere.csv").write_text("a\n6\n")
    (past / "table.csv").unlink()
    (past / "table.csv").symlink_to(tmp_path / "elsewhere.csv")
    (past / "dvc.lock").write_text((past / "dvc.lock").read_text() + "\n")
    night(past, "2026-01-06", tag="nightly-2026-01-06")
    (past / "table.csv").unlink()
    night(past, "2026-01-07", table="a\n7\n")
    refused("table.csv must stay in the project, as it may be written to, found that it leads to", "nightly-2026-01-06")


@pytest.mark.parametrize("tag", ["", "v1", "nightly-2026-01-09", "--all", "main"])
def test_what_is_no_tag_of_a_night_is_refused_with_those_that_there_are(past, refused, tag):
    git(past, "tag", "v1")
    refused(f"the tag '{tag}' must be that of an accepted night, .*; choose one of {SECOND}, {FIRST}$", tag)


def test_a_tag_at_another_commit_is_refused(past, refused):
    git(past, "tag", "nightly-2026-01-05")
    refused(
        r"which changes dvc.lock and .*, found a commit that changes metrics/history.csv, .*;", "nightly-2026-01-05"
    )


def test_an_operator_whom_git_does_not_know_is_told_how_to_say_it(past, refused, monkeypatch):
    for variable in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(variable, "/dev/null")
    git(past, "config", "--remove-section", "user")
    git(past, "config", "user.useConfigOnly", "true")
    refused(
        "git must know who you are, as the commit is yours, found that (.|\n)*; git config user.name and git config"
    )


def test_a_detached_head_is_refused(past, refused):
    git(past, "checkout", "--quiet", "--detach")
    refused("must be a commit on a branch")


def test_beside_a_night_that_runs_it_is_refused(past, refused):
    with only_one(past):
        refused(r"must not run beside a night, a rollback or a gc of the same project, found process \d+, since")


def test_changes_that_are_not_committed_are_not_overwritten(past, refused):
    (past / "table.csv").write_text("of the user")
    refused(r"your work tree must have no changes of your own .*, found  M table.csv; commit what is changed")


@pytest.mark.parametrize("fault", ["changed", "no cache"])
def test_outputs_that_only_the_work_tree_has_are_not_overwritten(past, refused, fault):
    if fault == "changed":
        (past / "models/weights").unlink()
        (past / "models/weights").write_text("of the user")
    else:
        shutil.rmtree(past / ".dvc/cache")
    refused("your table and outputs must be as dvc.lock records .* found changed, or not in the cache: models/;")


@pytest.mark.parametrize("fault", ["lost", *in_soak("damaged")])
def test_a_model_that_is_not_at_hand_any_more_is_refused(past, refused, fault):
    (past / ".dvc/config").write_text("[core]\n    analytics = false\n")
    commit(past)
    file = past / ".dvc/cache" / place_of(WEIGHTS_MD5)
    file.chmod(0o600)
    file.unlink() if fault == "lost" else file.write_text("damaged")
    refused("must be in git, in DVC's cache or in its remote, as they were, found in none of them: models/weights;")


@pytest.mark.soak
def test_a_night_of_the_tree_before_its_redrawing_comes_back_and_its_stale_stages_are_named(past):
    redrawn_since(past, tag="nightly-2026-01-06")
    said = rollback(past, tag="nightly-2026-01-06")
    assert said[-1].endswith("code, settings or versions are not that night's: dvc repro would run train again")
    assert (past / "models/weights").read_text() == "a\n6\n"
    assert not (past / "metrics/recipes").exists()
    files = ("dvc.lock", "table.csv", "metrics/full.json", "metrics/course.json")
    assert git(past, "diff", "--stat", "nightly-2026-01-06", "HEAD", "--", *files) == ""
    assert not git(past, "status", "--porcelain")
    run(past, "dvc", "repro", "--quiet")
    assert (past / "metrics/recipes/full.json").is_file()


def redrawn_since(past, *, tag):
    """Spend a night in a tree as it was before its modules had packages, then give it the paths of today, and train."""
    settings = (past / "params.yaml").read_text()
    (past / "pipeline").mkdir()
    (past / "pipeline/bundle.py").write_text("")
    write_settings(past, data={"path": "table.csv"}, recipes={"full": {"loss": "mse"}, "course": {"loss": "mse"}})
    layout = {"code": "pipeline/bundle.py", "full": "metrics/full.json", "course": "metrics/course.json"}
    (past / "dvc.yaml").write_text(STAGES.format(**layout))
    night(past, "2026-01-06", table="a\n6\n", tag=tag)
    (past / "pipeline/model").mkdir()
    git(past, "mv", "pipeline/bundle.py", "pipeline/model/bundle.py")
    (past / "params.yaml").write_text(settings)
    names = {name: layout[name].replace("metrics/", "metrics/recipes/") for name in ("full", "course")}
    (past / "dvc.yaml").write_text(STAGES.format(code="pipeline/model/bundle.py", **names))
    git(past, "rm", "--quiet", "metrics/full.json", "metrics/course.json")
    run(past, "dvc", "repro", "--quiet")
    commit(past)

"""`make back` amid the conflicts of a merge."""

import shutil

from tests.support.work_tree import ROOT, run

SAVE = ("git", "commit", "--quiet", "--all", "--message", "a night")


def test_conflicts_are_refused_and_stay_as_git_has_them(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    history = tmp_path / "metrics/history.csv"
    history.parent.mkdir()
    history.write_text("date\n")
    run(tmp_path, "git", "init", "--quiet", "--initial-branch", "main")
    run(tmp_path, "git", "add", "--all")
    run(tmp_path, *SAVE)
    run(tmp_path, "git", "checkout", "--quiet", "-b", "other")
    history.write_text("date\n2026-01-01\n")
    run(tmp_path, *SAVE)
    run(tmp_path, "git", "checkout", "--quiet", "main")
    history.write_text("date\n2026-01-02\n")
    run(tmp_path, *SAVE)
    run(tmp_path, "git", "merge", "other", code=1)
    assert "a merge has conflicts; end it first: git merge --abort" in run(tmp_path, "make", "back", code=2)
    assert run(tmp_path, "git", "ls-files", "--unmerged")
    assert run(tmp_path, "git", "stash", "list") == ""

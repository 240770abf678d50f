import pytest

from pipeline.rollback import main
from tests.support.night_history import FIRST, SECOND
from tests.support.tiny_project import git


def test_it_says_what_it_has_done(past, monkeypatch, capsys):
    monkeypatch.chdir(past)
    main([FIRST])
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == f"rollback: main is back at {FIRST}, by the new commit {git(past, 'rev-parse', '--short', 'HEAD')}"
    assert last == "next: git push, dvc push"


def test_it_ends_with_the_reason_why_it_cannot(past, monkeypatch, capsys):
    monkeypatch.chdir(past)
    with pytest.raises(SystemExit, match="1"):
        main([""])
    assert f"rollback: the tag '' must be that of an accepted night, found no such night; choose one of {SECOND}" in (
        capsys.readouterr().err
    )

import pytest

from pipeline.gc import main
from pipeline.nights.one_at_a_time import only_one


@pytest.mark.soak
def test_it_shows_what_would_go_and_deletes_it_when_told_so(past, monkeypatch, capsys):
    monkeypatch.chdir(past)
    main(["--nights", "1"])
    assert "DVC's cache: 5 files, 0.00 MB would go" in capsys.readouterr().out
    main(["--nights", "1", "--delete"])
    assert "DVC's cache: 5 files, 0.00 MB went" in capsys.readouterr().out


def test_it_ends_with_the_reason_why_it_cannot(past, monkeypatch, capsys):
    (past / ".dvc/config.local").write_text("no section\n")
    monkeypatch.chdir(past)
    with pytest.raises(SystemExit, match="1"):
        main(["--nights", "1"])
    assert capsys.readouterr().err.startswith("gc: ")


def test_with_nothing_dropped_it_says_so_and_beside_a_night_it_is_refused(past, monkeypatch, capsys):
    monkeypatch.chdir(past)
    main(["--dropped"])
    assert capsys.readouterr().out == "gc: no recipe has been dropped whose stages are still in dvc.lock\n"
    with only_one(past), pytest.raises(SystemExit, match="1"):
        main(["--dropped", "--delete"])
    assert "must not run beside a night, a rollback or a gc" in capsys.readouterr().err


def test_what_is_to_be_cleaned_up_must_be_said(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--delete"])
    assert "one of the arguments --nights --dropped is required" in capsys.readouterr().err


def test_no_night_at_all_cannot_be_protected(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--nights", "0"])
    assert "--nights: must be a whole number of 1 or more, such as 10, found '0'" in capsys.readouterr().err

import pytest

from pipeline.gc import main


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


def test_no_night_at_all_cannot_be_protected(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--nights", "0"])
    assert "--nights: must be a whole number of 1 or more, such as 10, found '0'" in capsys.readouterr().err

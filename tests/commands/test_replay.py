import datetime

import pytest

from pipeline import replay as command
from pipeline.replay import main
from tests.support.settings import write_settings


def test_the_snapshots_of_the_folder_are_replayed(tmp_path, monkeypatch, capsys):
    """The replay itself is tested in tests/backtest."""
    asked = []

    def replay(snapshots, *, project, out):
        asked.append((snapshots, project.folder, out))
        return ["a night"]

    (tmp_path / "weekly_2026-01-31.csv").write_text("")
    write_settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "replay", replay)
    main([str(tmp_path), "--out", "out"])
    ((snapshots, folder, out),) = asked
    assert snapshots == {datetime.date(2026, 1, 31): tmp_path / "weekly_2026-01-31.csv"}
    assert (folder, str(out)) == (tmp_path, "out")
    assert capsys.readouterr().out == "replay: 1 nights are in out/: replay.md, replay.svg, history.csv\n"


def test_it_ends_with_the_reason_why_it_cannot(tmp_path, monkeypatch, capsys):
    write_settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        main([str(tmp_path), "--out", str(tmp_path / "out")])
    assert f"replay: {tmp_path}: must be a folder of tables" in capsys.readouterr().err

"""The benchmark for a GPU, tried on the CPU."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import gpu


def test_both_loops_are_timed_and_each_task_has_its_line(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    monkeypatch.setattr(gpu, "TASKS", (("course", 2048), ("full", 4096)))
    monkeypatch.setattr("sys.argv", ["gpu", "--device", "cpu", "--rounds", "1", "--seconds", "0.001"])
    gpu.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("On the CPU, with torch ")
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| course, 2,048", "| full, 4,096"]
    for line in lines[4:]:
        plain, ours, rows = (int(number.replace(",", "")) for number in re.findall(r"(?<=\| )[0-9,]+(?= \|)", line))
        assert plain > 0
        assert rows >= 2000 * ours > 0


def test_a_line_has_both_speeds_and_how_they_compare():
    task = cast(Any, SimpleNamespace(batch=512))
    shown = gpu.line(task, "full", {"textbook": 1000.0, "ours": 2500.0})
    assert shown == "| full, 512 | 1,000 | 2,500 | 1,280,000 | 2.50 |"


def test_without_a_gpu_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu"])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="1"):
        gpu.main()
    assert "device: cuda needs a GPU" in capsys.readouterr().err

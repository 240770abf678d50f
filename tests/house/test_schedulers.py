"""The schedulers: each runs once a night and only calls make nightly."""

import os
import re
import shutil
import subprocess

import pytest

from tests.support.skips import reason
from tests.support.work_tree import ROOT

FOLDER = ROOT / "schedulers"


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason=reason("systemd is not installed", to_run="apt-get install systemd")
)
def test_systemd_takes_the_units(tmp_path):
    units = [str(FOLDER / f"salary-nightly.{kind}") for kind in ("service", "timer")]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    command = ["systemd-analyze", "verify", "--user", *units]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_runs_the_night_once_a_day():
    service, timer = ((FOLDER / f"salary-nightly.{kind}").read_text() for kind in ("service", "timer"))
    assert re.findall(r"^Exec.*", service, flags=re.MULTILINE) == ["ExecStart=/usr/bin/make nightly"]
    assert re.findall(r"^OnCalendar=(.*)", timer, flags=re.MULTILINE) == ["*-*-* 02:17:00"]


def test_crons_line_prints_nothing_unless_the_night_needs_somebody(tmp_path):
    (line,) = [line for line in (FOLDER / "crontab").read_text().splitlines() if not line.startswith("#")]
    minute, hour, day, month, weekday, command = line.split(maxsplit=5)
    assert (minute.isdecimal(), hour.isdecimal(), day, month, weekday) == (True, True, "*", "*", "*")
    project = tmp_path / "salary-pipeline"
    project.mkdir()
    for code, shown in ((0, ""), (1, "the night\n")):
        (project / "Makefile").write_text(f"nightly:\n\t@echo the night; exit {code}\n")
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}  # cron knows of no make around it
        done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert done.stdout.startswith(shown)
        assert bool(done.stdout) == bool(code)

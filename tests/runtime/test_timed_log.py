import os
import re
import stat
import sys
from pathlib import Path

from pipeline.runtime.processes import run
from pipeline.runtime.timed_log import TIME, timed_log, without_times

SAYS = "import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True); print('\\nlast', end='')"


def log_of(folder):
    with timed_log(folder / "log") as output:
        run((sys.executable, "-c", SAYS), folder=folder, environment=os.environ, stdout=output)
    return (folder / "log").read_text()


def test_each_line_of_a_command_stands_behind_its_time(tmp_path):
    lines = log_of(tmp_path).split("\n")
    assert [re.sub(rf"^{TIME}", "at: ", line) for line in lines] == ["at: one", "at: two", "at: ", "at: last"]


def test_without_the_times_it_is_what_the_command_said(tmp_path):
    assert without_times(log_of(tmp_path)) == "one\ntwo\n\nlast"


def test_only_the_user_may_read_the_log(tmp_path):
    log_of(tmp_path)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_no_descriptor_stays_open(tmp_path):
    log_of(tmp_path)
    before = len(list(Path("/dev/fd").iterdir()))
    log_of(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_process_that_outlives_the_command_does_not_hold_the_log_open(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.runtime.timed_log.LAST_SECONDS", 0.1)
    with timed_log(tmp_path / "log") as output:
        elsewhere = os.dup(output)  # as a daemon has it
        os.write(output, b"said\n")
    os.close(elsewhere)

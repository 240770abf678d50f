import subprocess
import sys

import pytest

from benchmarks.speed.measure import in_turn, run

BUSY = "import time; t = time.process_time()\nwhile time.process_time() < t + 0.2: pass"


def test_a_process_is_measured_in_seconds_and_megabytes():
    done = run([sys.executable, "-c", f"x = bytes(100_000_000); {BUSY}"])
    assert done.cpu >= 0.2
    assert done.wall > 0
    assert done.memory > 95


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"])


def test_commands_take_turns(tmp_path):
    note = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    commands = {name: [sys.executable, "-c", note, str(tmp_path / "turns"), name] for name in ("a", "b")}
    assert in_turn(commands, rounds=3).keys() == {"a", "b"}
    assert (tmp_path / "turns").read_text() == "ababab"


def test_no_run_finds_the_outputs_of_another(tmp_path):
    outputs = tmp_path / "file", tmp_path / "folder"
    make = "import os, sys; open(sys.argv[1], 'x'); os.mkdir(sys.argv[2])"  # fails where they are
    command = [sys.executable, "-c", make, *map(str, outputs)]
    assert in_turn({"a": command, "b": command}, rounds=2, outputs=outputs).keys() == {"a", "b"}
    assert all(output.exists() for output in outputs)

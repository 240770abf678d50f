"""Copies of the repository in which tests run the whole pipeline, as a stranger would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.sample import is_as_it_ships, put_the_sample_in_place

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
IDENTITY = {f"GIT_{role}_{part}": "test" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}


def environment() -> dict[str, str]:
    """The variables as they are now, with the environment's programs first and somebody who can commit.

    DVC runs stages in the user's shell: here in that of cron and CI, which does no more than it must.
    """
    return os.environ | IDENTITY | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "SHELL": "/bin/sh"}


def run(folder: Path, *command: str, code: int = 0) -> str:
    """Run a command in the folder; returns what it printed."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_of_the_work_tree(folder: Path) -> Path:
    """The work tree as it is now, without what git ignores, as the first commit of a new repository.

    Its table is the sample, whatever nights have put in its place, and its history has no night.
    """
    names = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    if not is_as_it_ships(folder):
        put_the_sample_in_place(folder)
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "start")
    return folder

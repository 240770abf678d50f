"""Do CPUs of other makers and ages train the same bytes? Trains every recipe shortly on some that qemu emulates.

Each with OMP_NUM_THREADS unset, 1 and 2; one line with one hash per training.
"""

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline import params
from pipeline.reproduction.exit_codes import CannotVerifyError, conclude
from pipeline.runtime.processes import run

QEMU = "qemu-x86_64-static"
NATIVE, UNSET = "native", "unset"
CPUS = (NATIVE, "EPYC", "Haswell", "Nehalem")
THREADS = (UNSET, "1", "2")
ROWS, EPOCHS = 2000, 2
# threads that were asked for outside, and a core type that suits the real CPU: on an older one numpy dies of it
NOT_INHERITED = {"OMP_NUM_THREADS", "OPENBLAS_CORETYPE"}


@dataclass(frozen=True)
class Training:
    """One short training: on which CPU, with which OMP_NUM_THREADS, of which recipe."""

    cpu: str
    threads: str
    recipe: str

    def __str__(self) -> str:
        return f"{self.cpu:<8} OMP_NUM_THREADS {self.threads:<6} {self.recipe:<8}"


def main(argv: Sequence[str] | None = None) -> None:
    """Verify the current folder's recipes; pipeline/reproduction/exit_codes.py has the exit codes."""
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    conclude("verify-cpus", lambda: verify(Path.cwd()))


def verify(project: Path) -> bool:
    """Train every recipe on every CPU and print the hashes; True if each recipe has one only.

    Raises: CannotVerifyError if qemu or the recipes are missing, CommandError if a training fails.
    """
    require_qemu()
    try:
        recipes = params.recipe_names(project / params.FILE)
    except ValueError as error:
        raise CannotVerifyError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="verify-cpus-") as temporary:
        bench = Bench(project, Path(temporary).resolve())
        bench.prepare()
        matrix = (Training(*chosen) for chosen in product(CPUS, THREADS, recipes))
        different = compare((training, bench.train(training)) for training in matrix)
    print("\n".join(["different from the first of its recipe:", *different]) if different else "all equal")
    return not different


def require_qemu() -> None:
    """Raise CannotVerifyError unless qemu can run this Python on another CPU."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise CannotVerifyError(f"this needs Linux on an x86-64 CPU, found {sys.platform} on {platform.machine()}")
    if shutil.which(QEMU) is None:
        raise CannotVerifyError(f"this needs {QEMU}, found none; install it (package qemu-user-static)")


def compare(trainings: Iterable[tuple[Training, Mapping[str, bytes]]]) -> list[str]:
    """Print each training with the SHA-256 of all that it wrote; returns those unlike the first of their recipe."""
    first: dict[str, Mapping[str, bytes]] = {}
    different = []
    for training, files in trainings:
        print(training, hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest(), flush=True)
        expected = first.setdefault(training.recipe, files)
        if names := sorted(name for name in {*expected, *files} if expected.get(name) != files.get(name)):
            different.append(f"{training} {', '.join(names)}")
    return different


@dataclass(frozen=True)
class Bench:
    """A folder with a small sample, prepared natively, and the project's recipes cut short: any CPU can train there."""

    project: Path
    folder: Path

    def prepare(self) -> None:
        """Make all that a training reads."""
        settings = _read(self.project / params.FILE)
        settings["data"]["path"] = "salaries.csv"
        for recipe in settings["recipes"].values():
            recipe["epochs"] = EPOCHS
        YAML().dump(settings, self.folder / params.FILE)
        sample = f"exec python -m pipeline.sample --rows {ROWS} --seed 1 --out salaries.csv"
        for command in ("exec python -m pipeline.versions", sample, self._stage("prepare")["cmd"]):
            self._run(command, folder=self.folder)

    def train(self, training: Training) -> dict[str, bytes]:
        """Run the recipe's train stage in a copy of the folder; returns the files that it wrote."""
        stage = self._stage("train")
        outs = [out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]]
        emulator = () if training.cpu == NATIVE else (QEMU, "-cpu", training.cpu)
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(shutil.copytree(self.folder, temporary, dirs_exist_ok=True))
            command = _of(training.recipe, stage["cmd"])
            self._run(command, folder=copy, emulator=emulator, threads=training.threads)
            files = [file for out in outs for file in _files(copy / _of(training.recipe, out))]
            return {str(file.relative_to(copy)): file.read_bytes() for file in files}

    def _stage(self, name: str) -> Any:  # noqa: ANN401 (whatever dvc.yaml says)
        stage = _read(self.project / "dvc.yaml")["stages"][name]
        return stage.get("do", stage)

    def _run(self, command: str, *, folder: Path, emulator: Sequence[str] = (), threads: str = UNSET) -> None:
        """Run a stage's command, `exec python …`, with this Python and the project's code."""
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment |= {"PYTHONPATH": str(self.project), "TMPDIR": str(folder)}
        environment |= {} if threads == UNSET else {"OMP_NUM_THREADS": threads}
        _, _, *arguments = shlex.split(command)
        run([*emulator, sys.executable, *arguments], folder=folder, environment=environment)


def _of(recipe: str, template: str) -> str:
    """The template of dvc.yaml for one recipe."""
    return template.replace("${key}", recipe)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _read(file: Path) -> Any:  # noqa: ANN401 (whatever the file says)
    return YAML(typ="safe", pure=True).load(file)


if __name__ == "__main__":
    main()

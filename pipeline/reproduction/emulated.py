"""Trains every recipe shortly on this machine's CPU and on some that qemu emulates, and compares the bytes.

Eagerly on all of them, the batches whole and in shards, and compiled on those that have AVX2, where each CPU compiles
for itself. In shards an emulated CPU trains together with the real one.
"""

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
from pipeline.reproduction.fresh_clone import CannotVerifyError
from pipeline.reproduction.verify import VerifyOutcome
from pipeline.runtime.processes import run
from pipeline.runtime.yaml_files import read

QEMU = "qemu-x86_64-static"
NATIVE, UNSET = "native", "unset"
AVX2_CPUS = (NATIVE, "EPYC", "Haswell")
CPUS = (*AVX2_CPUS, "Nehalem")
THREADS = (UNSET, "1", "2")
SHARDED, SHARDS = "sharded", 8  # eagerly, in so many if the recipe says nothing else
TRIALS = (
    *product(["eager"], CPUS, THREADS),
    *product([SHARDED], CPUS, [UNSET]),
    *product(["compiled"], AVX2_CPUS, [UNSET]),
)
ROWS, EPOCHS = 2000, 2
RECIPE, STAGE = "${key}", "$DVC_STAGE"  # what dvc.yaml has where a stage's recipe or its name is meant
# threads that were asked for outside, and a core type that suits the real CPU: on an older one numpy dies of it
NONE: Mapping[str, str] = {}
NOT_INHERITED = {"OMP_NUM_THREADS", "OPENBLAS_CORETYPE"}


@dataclass(frozen=True)
class Training:
    """One short training."""

    engine: str  # or SHARDED
    cpu: str
    threads: str  # OMP_NUM_THREADS
    recipe: str

    @property
    def workers(self) -> int:
        """How many train it; qemu emulates the first alone."""
        return 2 if self.engine == SHARDED and self.cpu != NATIVE else 1

    def __str__(self) -> str:
        return f"{self.engine:<8} {self.cpu:<8} OMP_NUM_THREADS {self.threads:<6} {self.recipe:<8}"


def verify_cpus(project: Path) -> VerifyOutcome:
    """Train every recipe on every CPU and print the hashes; each engine should have one only for a recipe.

    Raises: CannotVerifyError if qemu or the recipes are missing, CommandError if a training fails.
    """
    require_qemu()
    try:
        recipes = params.recipe_names(project / params.FILE)
    except ValueError as error:
        raise CannotVerifyError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="verify-cpus-") as temporary:
        folder = TrainingFolder(project, Path(temporary).resolve())
        folder.prepare()
        matrix = (Training(*trial, recipe) for trial in TRIALS for recipe in recipes)
        different = unlike_the_first((training, folder.train(training)) for training in matrix)
    print("\n".join(["different from the first of its recipe and engine:", *different]) if different else "all equal")
    return VerifyOutcome.OTHER_BYTES if different else VerifyOutcome.SAME_BYTES


def require_qemu() -> None:
    """Raise CannotVerifyError unless qemu can run this Python on another CPU."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise CannotVerifyError(f"this needs Linux on an x86-64 CPU, found {sys.platform} on {platform.machine()}")
    if shutil.which(QEMU) is None:
        raise CannotVerifyError(f"this needs {QEMU}, found none; install it (package qemu-user-static)")


def unlike_the_first(trainings: Iterable[tuple[Training, Mapping[str, bytes]]]) -> list[str]:
    """Print each training with the SHA-256 of all that it wrote; returns those unlike the first of their kind."""
    first: dict[tuple[str, str], Mapping[str, bytes]] = {}
    different = []
    for training, files in trainings:
        print(training, hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest(), flush=True)
        expected = first.setdefault((training.engine, training.recipe), files)
        if names := sorted(name for name in {*expected, *files} if expected.get(name) != files.get(name)):
            different.append(f"{training} {', '.join(names)}")
    return different


@dataclass(frozen=True)
class TrainingFolder:
    """A folder in which any CPU can train: a small sample, prepared on the real one, and the recipes cut short."""

    project: Path
    folder: Path

    def prepare(self) -> None:
        """Make all that a training reads."""
        settings = read(self.project / params.FILE)
        settings["data"]["path"] = "table.csv"
        for recipe in settings["recipes"].values():
            recipe["epochs"] = EPOCHS
        YAML().dump(settings, self.folder / params.FILE)
        sample = ("-m", "pipeline.sample", "--rows", str(ROWS), "--seed", "1", "--out", "table.csv")
        for arguments in (("-m", "pipeline.versions"), sample, python_arguments(self._stage("prepare")["cmd"])):
            self._python(arguments, folder=self.folder)

    def train(self, training: Training) -> dict[str, bytes]:
        """Run the recipe's train stage in a copy of the folder; returns the files that it wrote."""
        stage = self._stage("train")
        outs = [out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]]
        outs = [out.replace(RECIPE, training.recipe) for out in outs]
        qemu = () if training.cpu == NATIVE else (QEMU, "-cpu", training.cpu)
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(shutil.copytree(self.folder, temporary, dirs_exist_ok=True))
            _choose_engine(training, copy / params.FILE)
            arguments = python_arguments(stage["cmd"], stage=training.recipe)
            variables = {} if training.threads == UNSET else {"OMP_NUM_THREADS": training.threads}
            variables |= {"TRAIN_WORKERS": str(training.workers)}
            self._python(arguments, folder=copy, qemu=qemu, variables=variables)
            files = [file for out in outs for file in _files(copy / out)]
            return {str(file.relative_to(copy)): file.read_bytes() for file in files}

    def _stage(self, name: str) -> Any:  # noqa: ANN401 (whatever dvc.yaml says)
        stage = read(self.project / "dvc.yaml")["stages"][name]
        return stage.get("do", stage)

    def _python(
        self, words: Sequence[str], *, folder: Path, qemu: Sequence[str] = (), variables: Mapping[str, str] = NONE
    ) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment |= {"PYTHONPATH": str(self.project), "TMPDIR": str(folder), **variables}
        run([*qemu, sys.executable, *words], folder=folder, environment=environment)


def python_arguments(command: str, *, stage: str = "") -> list[str]:
    """The arguments that a stage's command gives to Python, with this name of the stage.

    Raises: CannotVerifyError if it is not `exec python …`, or holds another variable.

    >>> python_arguments('exec python -m pipeline.train "$DVC_STAGE" --cache .cache', stage="train@full")
    ['-m', 'pipeline.train', 'train@full', '--cache', '.cache']
    """
    words = shlex.split(command)
    if words[:2] != ["exec", "python"] or any("$" in word for word in words if word != STAGE):
        raise CannotVerifyError(f"a stage's command must be exec python …, with no variable but {STAGE}: {command}")
    return [stage if word == STAGE else word for word in words[2:]]


def _choose_engine(training: Training, file: Path) -> None:
    settings = read(file)
    recipe = settings["recipes"][training.recipe]
    if training.engine == SHARDED:
        shards = recipe.get("shards") or SHARDS
        recipe |= {"engine": "eager", "shards": shards, "batch_size": max(recipe["batch_size"], shards)}
    else:
        recipe |= {"engine": training.engine, "shards": None}
    recipe |= {"device": "cpu", "threads": 1}
    YAML().dump(settings, file)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]

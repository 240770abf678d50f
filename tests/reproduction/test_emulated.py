"""Verifications of a pretended matrix, and one real training; behind `make soak`, all of them on emulated CPUs."""

import platform
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from pipeline.reproduction import emulated
from pipeline.reproduction.emulated import (
    AVX2_CPUS,
    CPUS,
    EPOCHS,
    QEMU,
    THREADS,
    TRIALS,
    Training,
    TrainingFolder,
    python_arguments,
    require_qemu,
    unlike_the_first,
    verify_cpus,
)
from pipeline.reproduction.fresh_clone import CannotVerifyError
from pipeline.reproduction.verify import VerifyOutcome
from pipeline.runtime.yaml_files import read
from tests.support.compiled import MATRIX
from tests.support.processes import set_params
from tests.support.skips import needs_a_compiler, needs_avx2
from tests.support.work_tree import ROOT, run


@pytest.fixture
def pretended(monkeypatch):
    """Trainings that take no time and write the same bytes; the list of those that were asked for."""
    asked = []

    def train(folder, training):
        asked.append(training)
        return {"weights": training.recipe.encode()}

    monkeypatch.setattr(emulated, "require_qemu", lambda: None)
    monkeypatch.setattr(TrainingFolder, "prepare", lambda folder: None)
    monkeypatch.setattr(TrainingFolder, "train", train)
    return asked


@pytest.fixture
def started(monkeypatch):
    """The commands that would be started instead of run, with their environments and the recipes they would read."""
    commands = []
    monkeypatch.setattr(
        emulated,
        "run",
        lambda command, *, folder, environment: commands.append(
            (command, environment, read(folder / "params.yaml")["recipes"])
        ),
    )
    monkeypatch.setattr(emulated, "_files", lambda path: [])
    return commands


def test_every_recipe_is_trained_on_every_cpu_with_every_number_of_threads_in_shards_and_with_avx2_compiled(pretended):
    assert verify_cpus(ROOT) is VerifyOutcome.SAME_BYTES
    expected = {Training("eager", *one) for one in product(CPUS, THREADS, ("course", "full"))}
    expected |= {Training("sharded", cpu, "unset", recipe) for cpu in CPUS for recipe in ("course", "full")}
    expected |= {Training("compiled", cpu, "unset", recipe) for cpu in AVX2_CPUS for recipe in ("course", "full")}
    assert set(pretended) == expected
    assert len(pretended) == len(expected) == 38


def test_equal_bytes_are_one_hash_per_line_and_a_verdict(pretended, capsys):
    verify_cpus(ROOT)
    *lines, verdict = capsys.readouterr().out.splitlines()
    hashes = Counter(re.sub(r"^\w+ +\w+ +OMP_NUM_THREADS \w+ +", "", line) for line in lines)
    assert sorted(hashes.values()) == [19, 19]
    assert all(re.fullmatch(r"(course|full) +[0-9a-f]{64}", line) for line in hashes)
    assert verdict == "all equal"


def test_other_bytes_are_named_with_the_training_and_the_file(pretended, monkeypatch, capsys):
    usual = TrainingFolder.train
    monkeypatch.setattr(
        TrainingFolder, "train", lambda folder, one: usual(folder, one) | ({"b": b""} if one == OTHER else {})
    )
    assert verify_cpus(ROOT) is VerifyOutcome.OTHER_BYTES
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "different from the first of its recipe and engine:",
        f"{OTHER} b",
    ]


OTHER = Training("eager", "Haswell", "2", "full")


def test_each_recipe_and_engine_is_compared_with_itself_only():
    both = product(("eager", "compiled"), ("a", "b"))
    trainings = [(Training(engine, "native", "1", recipe), {engine: recipe.encode()}) for engine, recipe in both]
    assert unlike_the_first(trainings) == []


@pytest.mark.parametrize(("engine", "cpu", "threads"), TRIALS)
def test_a_training_gets_its_engine_its_cpu_and_its_threads(engine, cpu, threads, started, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "SkylakeX")
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.setenv("TRAIN_WORKERS", "7")
    set_params(tmp_path, {"recipes.full.device": "auto", "recipes.full.threads": 2, "recipes.full.batch_size": 4})
    TrainingFolder(ROOT, tmp_path).train(Training(engine, cpu, threads, "full"))
    ((command, environment, recipes),) = started
    in_shards = engine == "sharded"
    assert {name: recipes["full"][name] for name in ("engine", "device", "threads", "shards", "batch_size")} == {
        "engine": "eager" if in_shards else engine,
        "device": "cpu",
        "threads": 1,
        "shards": 8 if in_shards else None,
        "batch_size": 8 if in_shards else 4,
    }
    assert environment["TRAIN_WORKERS"] == ("2" if in_shards and cpu != "native" else "1")
    emulator = [] if cpu == "native" else [QEMU, "-cpu", cpu]
    assert command[: len(emulator) + 4] == [*emulator, sys.executable, "-m", "pipeline.train", "full"]
    assert "$" not in " ".join(command)
    assert environment.get("OMP_NUM_THREADS", "unset") == threads
    assert "OPENBLAS_CORETYPE" not in environment


def test_a_training_is_short_and_writes_all_that_the_stage_does(tmp_path):
    folder = TrainingFolder(ROOT, tmp_path)
    folder.prepare()
    files = folder.train(Training("eager", "native", "2", "course"))
    bundle = {"weights.safetensors", "background.safetensors", "encoder.json", "bundle.json"}
    assert set(files) == {*(f"models/course/{name}" for name in bundle), "metrics/plots/course/learning_curve.csv"}
    assert len(files["metrics/plots/course/learning_curve.csv"].splitlines()) == 1 + EPOCHS


@pytest.mark.parametrize("command", ["exec python -m pipeline.train full --cache $CACHE", "python -m pipeline.train"])
def test_a_command_with_another_variable_is_refused(command):
    with pytest.raises(CannotVerifyError, match=r"must be exec python …, with no variable but \$DVC_STAGE: "):
        python_arguments(command)


def test_a_missing_qemu_is_named_with_its_package(monkeypatch):
    pretend_linux(monkeypatch)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotVerifyError, match=rf"needs {QEMU}, found none; install it \(package qemu-user-static\)"):
        require_qemu()


def test_another_machine_is_refused(monkeypatch):
    pretend_linux(monkeypatch)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(CannotVerifyError, match="needs Linux on an x86-64 CPU, found linux on aarch64"):
        require_qemu()


def pretend_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def test_a_folder_without_settings_is_refused(pretended, tmp_path):
    with pytest.raises(CannotVerifyError, match=r"params\.yaml is missing: run from the project's folder"):
        verify_cpus(tmp_path)


def features_of(cpu):
    """Whether numpy finds AVX2 and FMA on the CPU."""
    code = "from numpy._core._multiarray_umath import __cpu_features__ as f; print(f['AVX2'], f['FMA3'])"
    command = ["env", "--unset=OPENBLAS_CORETYPE", QEMU, "-cpu", cpu, sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.soak
def test_the_emulated_cpus_are_what_they_are_called():
    assert [features_of(cpu) for cpu in ("EPYC", "Haswell", "Nehalem")] == ["True True\n"] * 2 + ["False False\n"]


@pytest.mark.soak
@needs_a_compiler
@needs_avx2
def test_compiled_trainings_of_many_kinds_give_the_same_bytes_on_cpus_with_avx2(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    printed = []
    for cpu in AVX2_CPUS:
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / cpu))  # each compiles for itself
        emulator = () if cpu == "native" else (QEMU, "-cpu", cpu)
        lines = run(Path(ROOT), *emulator, sys.executable, "-m", "tests.support.compiled").splitlines()
        printed.append([line for line in lines if not line.startswith(QEMU)])  # it warns of what it cannot emulate
    assert printed == [printed[0]] * len(AVX2_CPUS)
    assert len(printed[0]) == len(MATRIX)


@pytest.mark.soak
def test_all_cpus_train_the_same_bytes():
    assert run(Path(ROOT), sys.executable, "-m", "pipeline.verify", "--cpus").endswith("all equal\n")

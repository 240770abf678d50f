"""Trainings on several real processes: the same bytes as on one, and what happens when one of them fails."""

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline import train
from pipeline.runtime.errors import RuleError
from pipeline.training.gathering import gathered
from pipeline.training.workers import ALONE
from tests.support.processes import ended, set_params, stages_running_in, started, trained_files, until, wait_for
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT

ARGUMENTS = [
    "full",
    *("--train", "prepared/train.parquet", "--valid", "prepared/valid.parquet", "--encoder", "prepared/encoder.json"),
    *("--models", "trained/models", "--plots", "trained/plots", "--cache", "cache"),
]
SETTINGS = {"shards": 8, "batch_size": 60, "epochs": 3, "max_steps": None}
VARIABLES = ("RANK", "WORLD_SIZE", "TRAIN_WORKERS", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def _leave_the_process_as_it_was(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable in ("GLOO_SOCKET_IFNAME", "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(train, "end_with_parent", lambda: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def here(stage, monkeypatch):
    """The folder in which we are: settings with shards, a prepared table whose last batch is short."""
    stage.run(table(rows(300)))
    for name in ("params.yaml", "versions.json"):
        shutil.copyfile(ROOT / name, stage.folder / name)
    set_params(stage.folder, {f"recipes.full.{name}": value for name, value in SETTINGS.items()})
    set_params(stage.folder, {"train.checkpoint_every_seconds": 0})
    monkeypatch.chdir(stage.folder)
    return stage.folder


def trained_by(count, monkeypatch):
    """What so many workers train."""
    monkeypatch.setenv("TRAIN_WORKERS", str(count))
    train.main(ARGUMENTS)
    files = trained_files(Path.cwd())
    shutil.rmtree("trained")
    return files


def children():
    """The processes that this one has started, and that have not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = process.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append(int(process.parent.name))
    return found


def test_two_workers_train_the_bytes_of_one_and_leave_no_process(here, monkeypatch, capsys):
    alone = trained_by(1, monkeypatch)
    shown = capsys.readouterr()
    before = children()
    assert trained_by(2, monkeypatch) == alone
    assert capsys.readouterr() == shown
    assert children() == before


def test_a_worker_that_fails_while_they_meet_is_named_with_what_it_said(monkeypatch):
    monkeypatch.setenv("TRAIN_WORKERS", "2")
    before = children()
    with pytest.raises(
        RuleError, match=r"^worker 2 must train to the end, found that .*\n.*No module named pipeline\.no"
    ):
        gathered(8, "pipeline.none", [], where="recipes.full").__enter__()
    assert children() == before


@pytest.mark.parametrize("count", ["3", "16", "0", "two"])
def test_workers_that_the_shards_cannot_be_dealt_to_are_refused(count, monkeypatch):
    monkeypatch.setenv("TRAIN_WORKERS", count)
    rule = r"TRAIN_WORKERS must divide recipes\.full\.shards, 8, found"
    with pytest.raises(RuleError, match=rf"^{rule} {count}; choose one of 1, 2, 4, 8$"):
        gathered(8, "module", [], where="recipes.full").__enter__()


def test_a_recipe_without_shards_has_one_worker(monkeypatch):
    monkeypatch.setenv("TRAIN_WORKERS", "4")
    with gathered(None, "module", [], where="recipes.full") as workers:
        assert workers == ALONE


@pytest.mark.parametrize(
    ("shards", "rule"),
    [
        (
            None,
            r"must be 1, since recipes\.full\.shards is null, found 3; set recipes\.full\.shards, or start one worker",
        ),
        (8, r"must divide recipes\.full\.shards, 8, found 3; choose one of 1, 2, 4, 8"),
    ],
)
def test_what_torchrun_starts_needs_shards_that_it_divides(shards, rule, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RuleError, match=f"^torchrun's number of workers {rule}$"):
        gathered(shards, "module", [], where="recipes.full").__enter__()


LONG = {"recipes.full.epochs": 120, "recipes.full.keep": "best"}


def command(count):
    """What starts so many workers, by the pipeline or by torchrun."""
    python = ["env", f"PYTHONPATH={ROOT}", f"TRAIN_WORKERS={count}", sys.executable, "-m"]
    if count == "torchrun":
        python += ["torch.distributed.run", "--standalone", "--nproc-per-node=4", "-m"]
    return [*python, "pipeline.train", *ARGUMENTS]


def worker(folder, rank):
    """The process of a worker that trains in the folder, once it does."""
    found = []

    def look():
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has just ended
                words = (environment.parent / "cmdline").read_bytes().split(b"\0")
                known = f"RANK={rank}".encode() in environment.read_bytes().split(b"\0")
                if known and b"pipeline.train" in words and (environment.parent / "cwd").resolve() == folder.resolve():
                    found.append(int(environment.parent.name))
        return found

    until(look)
    return found[-1]


@pytest.mark.soak
@pytest.mark.parametrize("count", ["2", "4", "8", "torchrun"])
def test_any_number_of_workers_trains_the_same_bytes(here, count, monkeypatch):
    alone = trained_by(1, monkeypatch)
    with started(here, *command(count)) as process:
        wait_for(process, "full epoch 3/3")
        assert ended(process)[0] == 0
    assert trained_files(here) == alone
    assert not stages_running_in(here)


@pytest.mark.soak
@pytest.mark.parametrize(("count", "rank", "resumed"), [("2", 1, 4), ("4", 3, 1), ("4", 0, 2), ("torchrun", 2, 2)])
def test_whichever_worker_is_killed_all_end_and_another_number_goes_on_to_the_same_bytes(
    here, count, rank, resumed, monkeypatch
):
    set_params(here, LONG)
    alone = trained_by(1, monkeypatch)
    with started(here, *command(count)) as process:
        wait_for(process, "full epoch 20/")
        os.kill(process.pid if rank == 0 else worker(here, rank), signal.SIGKILL)
        code, shown = ended(process)
        until(lambda: not stages_running_in(here), seconds=20)
    assert code == (-signal.SIGKILL if rank == 0 else 1)
    assert (shown.count("must train to the end") == 1) is (rank != 0)
    assert "epoch 120/" not in shown
    assert trained_by(resumed, monkeypatch) == alone

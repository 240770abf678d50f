"""A project to replay nights in, which knows no remote, no upstream and nobody to notify; and training ahead for it."""

import datetime
import os
import re
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Queue

from ruamel.yaml import YAML

from pipeline import params
from pipeline.nights.bot import identity
from pipeline.nights.night import replaceable_table
from pipeline.nights.record_files import FILES
from pipeline.repository.dvc_lock import LOCK
from pipeline.repository.project import DVC, NO_HOOKS, Project
from pipeline.runtime.errors import CommandError
from pipeline.runtime.yaml_files import read

SOURCE = "../source.csv"


def make_clone(project: Project, temporary: Path, *, date: datetime.date) -> Project:
    """The clone, in its own folder of the temporary one, at a commit without a champion and without a table.

    It has the recipe of the nights alone.
    Raises: as `replaceable_table`; CommandError if git or DVC fails.
    """
    clone = project.isolated(temporary).cloned(temporary / "clone", "gc.auto=0")
    clone.lines("git", "remote", "remove", "origin")
    with suppress(CommandError):  # none is set
        clone.lines(*DVC, "config", "--unset", "core.remote")
    _share_cache(clone, temporary)
    file = clone.folder / params.FILE
    settings = read(file)  # then the source is a file beside the clone, every record is kept, nobody is notified
    nightly, recipes = settings["nightly"], settings["recipes"]
    nightly |= {"source": SOURCE, "record_kept": True}
    nightly["notify"] |= {"command": None, "webhook": None, "heartbeat": None}
    settings["recipes"] = {nightly["recipe"]: recipes[nightly["recipe"]]}  # no other has a say in a night
    YAML().dump(settings, file)
    table = replaceable_table(file)
    _simplify_stages(clone.folder / "dvc.yaml")
    for name in (LOCK, table, f"{table}.dvc", *FILES):
        (clone.folder / name).unlink(missing_ok=True)
    signed = clone.with_variables(identity(date))
    signed.lines("git", "add", "--all")
    signed.lines("git", "-c", NO_HOOKS, "commit", "--quiet", "--message", "Before the first night")
    return clone


def _simplify_stages(file: Path) -> None:
    """Let DVC keep each run of a stage, and let none depend on the code: it is the same in all nights."""
    text = file.read_text(encoding="utf-8").replace("persist: true", "persist: false")  # else no run is kept
    file.write_text(re.sub(r"(?m)^ {4,}- pipeline/.*\n", "", text), encoding="utf-8")


def _share_cache(clone: Project, temporary: Path) -> None:
    """Let a clone share its outputs and its run cache with all clones of the replay."""
    (clone.folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {temporary / 'cache'}\n", encoding="utf-8")


def train_in_parallel(clone: Project, temporary: Path, tables: Sequence[Path]) -> Generator[Path]:
    """Run the pipeline on all tables; yields each in its order, once it has run: its night takes seconds then.

    What a challenger is depends on the night's table alone, never on what the nights before decided. So all processors
    train for the nights to come, and each night's `dvc repro` finds its results in the shared cache of runs.
    """
    path = params.load(params.Data, "data", file=clone.folder / params.FILE).path
    processors = os.cpu_count() or 1
    workers: Queue[Project] = Queue()  # those that are free
    for number in range(min(processors, len(tables))):
        worker = clone.cloned(temporary / f"worker-{number}")
        _share_cache(worker, temporary)
        workers.put(worker)

    def train(table: Path) -> Path:
        worker = workers.get()
        target = worker.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, target)
        with suppress(CommandError):  # the night will see for itself what is wrong with the table
            worker.lines(*DVC, "repro")
            worker.lines(*DVC, "commit", "--force")  # repro keeps no run of a stage with outputs that are not cached
        workers.put(worker)
        return table

    with ThreadPoolExecutor(processors) as pool:
        yield from pool.map(train, tables)

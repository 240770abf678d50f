"""A project to replay nights in, which knows no remote, no upstream and nobody to notify; and training ahead for it."""

import datetime
import os
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Queue

from ruamel.yaml import YAML

from pipeline import params
from pipeline.nights.conventions import FILES, identity
from pipeline.repository.project import DVC, LOCK, NO_HOOKS, Project
from pipeline.runtime.errors import CommandError

SOURCE = "../source.csv"


def make_clone(project: Project, temporary: Path, *, date: datetime.date) -> Project:
    """The clone, in its own folder of the temporary one, at a commit without a champion and without a table."""
    folder = project.cloned(temporary / "clone", "gc.auto=0")
    clone = Project(folder, project.isolated_environment(temporary))
    clone.lines("git", "remote", "remove", "origin")
    with suppress(CommandError):  # none is set
        clone.lines(*DVC, "config", "--unset", "core.remote")
    share_cache(folder, temporary)
    _isolate_settings(folder / params.FILE)
    table = params.load(params.Data, "data", file=folder / params.FILE).path
    for file in (LOCK, table, f"{table}.dvc", *FILES):
        (folder / file).unlink(missing_ok=True)
    signed = Project(folder, {**clone.environment, **identity(date)})
    signed.lines("git", "add", "--all")
    signed.lines("git", "-c", NO_HOOKS, "commit", "--quiet", "--message", "Before the first night")
    return clone


def share_cache(folder: Path, temporary: Path) -> None:
    """Let a clone share its outputs and its run cache with all clones of the replay."""
    (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {temporary / 'cache'}\n", encoding="utf-8")


def trained_ahead(clone: Project, temporary: Path, tables: Sequence[Path]) -> Generator[Path]:
    """The tables in their order, each once the pipeline has run on it: the run of its night takes seconds then.

    What a challenger is depends on the night's table alone, never on what the nights before decided. So all processors
    train for the nights to come, and each night's `dvc repro` finds its results in the shared cache of runs.
    """
    path = params.load(params.Data, "data", file=clone.folder / params.FILE).path
    processors = os.cpu_count() or 1
    workers: Queue[Project] = Queue()
    for number in range(min(processors, len(tables))):
        workers.put(_worker(clone, temporary / f"worker-{number}"))
    with ThreadPoolExecutor(processors) as pool:
        yield from pool.map(partial(_train, workers=workers, path=path), tables)


def _train(table: Path, *, workers: "Queue[Project]", path: str) -> Path:
    """Run the pipeline on the table in the first worker that is free; returns the table."""
    worker = workers.get()
    target = worker.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(table, target)
    with suppress(CommandError):  # the night will see for itself what is wrong with the table
        worker.lines(*DVC, "repro")
        worker.lines(*DVC, "commit", "--force")  # repro keeps no run of a stage with outputs that are not cached
    workers.put(worker)
    return table


def _worker(clone: Project, folder: Path) -> Project:
    """A clone of the clone, with the same cache."""
    worker = Project(clone.cloned(folder), clone.environment)
    share_cache(worker.folder, folder.parent)
    return worker


def _isolate_settings(file: Path) -> None:
    """In the settings: the source is a file beside the clone, nobody is notified, and every record is committed."""
    yaml = YAML()
    settings = yaml.load(file)
    settings["nightly"]["source"] = SOURCE
    settings["nightly"]["notify"] |= {"command": None, "webhook": None}
    settings["nightly"]["record_kept"] = True
    yaml.dump(settings, file)

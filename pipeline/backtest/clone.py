"""A project to replay nights in: a clone of HEAD that knows no remote, no upstream and nobody to notify."""

import datetime
import os
import shutil
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML

from pipeline import params
from pipeline.nights.record import FILES
from pipeline.repository.delivery import identity
from pipeline.repository.project import DVC, LOCK, NO_HOOKS, PLACES_OF_THEIR_OWN, Project
from pipeline.runtime.errors import CommandError

SOURCE = "../source.csv"


def make_clone(project: Project, temporary: Path, *, date: datetime.date) -> Project:
    """The clone, in its own folder of the temporary one, at a commit without a champion and without a table."""
    folder = project.cloned(temporary / "clone", "gc.auto=0")
    own = dict.fromkeys(PLACES_OF_THEIR_OWN, str(temporary))
    clone = Project(folder, {**project.environment, **own})
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
    """Let a clone keep its outputs in the cache that all clones of the replay share."""
    (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {temporary / 'cache'}\n", encoding="utf-8")


def trained_ahead(clone: Project, temporary: Path, tables: Sequence[Path]) -> Generator[Path | None]:
    """For each table a project in which the pipeline has run on it, until the next is asked for; None if it fails.

    What a challenger is depends on the night's table alone, never on what the nights before decided: so all processors
    train for the nights to come.
    """
    place = params.load(params.Data, "data", file=clone.folder / params.FILE).path
    processors, waiting = os.cpu_count() or 1, iter(tables)
    count = min(2 * processors, len(tables))  # twice: some wait for their night while as many train
    workers = [_worker(clone, temporary / f"worker-{number}") for number in range(count)]
    with ThreadPoolExecutor(processors) as pool:
        running = deque(
            (worker, pool.submit(_train, worker, table, place)) for worker, table in zip(workers, waiting, strict=False)
        )
        while running:
            worker, done = running.popleft()
            yield done.result()
            if table := next(waiting, None):
                running.append((worker, pool.submit(_train, worker, table, place)))


def _train(worker: Project, table: Path, place: str) -> Path | None:
    """Run the pipeline on the table in its place; returns the project, or None if it fails."""
    target = worker.folder / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(table, target)
    try:
        worker.lines(*DVC, "repro")
    except CommandError:  # the night will see for itself what is wrong with the table
        return None
    return worker.folder


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

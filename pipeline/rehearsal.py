"""A project to replay nights in: a clone of HEAD that knows no remote, no upstream and nobody to notify."""

import datetime
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

from ruamel.yaml import YAML

from pipeline import params
from pipeline.clone import DVC, LOCK, NO_HOOKS, PLACES_OF_THEIR_OWN, Project
from pipeline.processes import CommandError
from pipeline.publish import Publication

SOURCE = "../source.csv"


def rehearsal(project: Project, temporary: Path, *, date: datetime.date) -> Project:
    """The clone, in its own folder of the temporary one, at a commit without a champion and without a table."""
    folder = project.cloned(temporary / "clone", "gc.auto=0")
    own = dict.fromkeys(PLACES_OF_THEIR_OWN, str(temporary))
    clone = Project(folder, {**project.environment, **own})
    clone.lines("git", "remote", "remove", "origin")
    with suppress(CommandError):  # none is set
        clone.lines(*DVC, "config", "--quiet", "--unset", "core.remote")
    share_cache(folder, temporary)
    _settle(folder / params.FILE)
    table = params.load(params.Data, "data", file=folder / params.FILE).path
    for file in (LOCK, table, f"{table}.dvc"):
        (folder / file).unlink(missing_ok=True)
    signed = Project(folder, {**clone.environment, **Publication([], "", date).variables()})
    signed.lines("git", "add", "--all")
    signed.lines("git", "-c", NO_HOOKS, "commit", "--quiet", "--message", "Before the first night")
    return clone


def share_cache(folder: Path, temporary: Path) -> None:
    """Let a clone keep its outputs in the cache that all clones of the replay share."""
    (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {temporary / 'cache'}\n", encoding="utf-8")


@contextmanager
def trained_ahead(
    clone: Project, temporary: Path, tables: Sequence[Path], *, workers: int
) -> Iterator[list[Future[None]]]:
    """Run the pipeline on the tables, some at a time, while the nights go on: they find the results in DVC's cache.

    What a challenger is depends on the night's table alone, never on what the nights before decided.
    """
    free = SimpleQueue[Project]()
    for number in range(workers):
        folder = clone.cloned(temporary / f"worker-{number}")
        share_cache(folder, temporary)
        free.put(Project(folder, clone.environment))
    place = params.load(params.Data, "data", file=clone.folder / params.FILE).path

    def train(table: Path) -> None:
        worker = free.get()
        target = worker.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, target)
        with suppress(CommandError):  # the night will see for itself what is wrong with it
            worker.lines(*DVC, "repro", "--quiet")
        free.put(worker)

    pool = ThreadPoolExecutor(workers)
    try:
        yield [pool.submit(train, table) for table in tables]
    finally:
        pool.shutdown(cancel_futures=True)


def _settle(file: Path) -> None:
    """In the settings: the source is a file beside the clone, and nobody is notified."""
    yaml = YAML()
    settings = yaml.load(file)
    settings["nightly"]["source"] = SOURCE
    settings["nightly"]["notify"] |= {"command": None, "webhook": None}
    settings["nightly"]["record_kept"] = True
    yaml.dump(settings, file)

"""What stages that dvc.yaml no longer has have left behind: their entries in dvc.lock, and their outputs."""

import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.repository.dvc_lock import LOCK, Stage, outputs, read_lock
from pipeline.repository.project import Project
from pipeline.runtime.drafts import drafts
from pipeline.runtime.yaml_edit import without

STAGES = "dvc.yaml"


@dataclass(frozen=True)
class Leftovers:
    """The names of the stages in dvc.lock and of those it no longer has; their outputs that are still there."""

    stages: tuple[str, ...]
    outputs: tuple[str, ...]
    unrecorded: tuple[str, ...] = ()


def clean_up_dropped(project: Project, *, delete: bool) -> list[str]:
    """Show, or delete, what dropped stages have left; returns it in words.

    Raises: ValueError if dvc.lock is not as DVC wrote it; RuleError if an output leads out of the repository;
    CommandError if DVC cannot tell its stages.
    """
    found = find_leftovers(project)
    if not found.stages + found.unrecorded:
        return ["gc: no recipe has been dropped of which anything is left"]
    project.check_inside(found.outputs)
    would = "went" if delete else "would go"
    words = [
        f"gc: dvc.yaml and params.yaml no longer have {', '.join(found.stages + found.unrecorded)}",
        f"stages in {LOCK}: {len(found.stages)} {would}",
        f"outputs: {len(found.outputs)} {would}",
        *(f"  {path}" for path in found.outputs),
    ]
    if lines := _lines_that_name(found.outputs, project.folder / STAGES):
        words.append(f"{STAGES} still names them: take out line {', '.join(map(str, lines))}")
    if not delete:
        return [*words, "nothing was deleted: --delete does it"]
    _remove(found, project.folder)
    return [*words, "next: dvc repro writes the report without them; what DVC's cache has of them goes with a later gc"]


def find_leftovers(project: Project) -> Leftovers:
    """What stages have left that dvc.yaml does not have: all that no other stage reads or writes.

    dvc.lock has them, or has lost them, too, with a change that was taken back before it was committed.
    """
    lock = project.folder / LOCK
    recorded = read_lock(lock) if lock.exists() else {}
    stages = set(project.stages()) if recorded else set()
    gone = {name: stage for name, stage in recorded.items() if name not in stages}
    kept = {name: stage for name, stage in recorded.items() if name in stages}
    lost = {name: paths for name, paths in _unrecorded(kept, project.folder).items() if name not in stages | set(gone)}
    read = (path for each in kept.values() for path in each.reads)
    written = {PurePosixPath(path) for path in outputs(kept)}
    others = {PurePosixPath(STAGES), *map(PurePosixPath, read), *written}
    left = [
        path
        for path in sorted({*outputs(gone), *(path for paths in lost.values() for path in paths)})
        if (project.folder / path).exists()
        and not any(other.is_relative_to(path) for other in others)
        and not any(PurePosixPath(path).is_relative_to(folder) for folder in written)
    ]
    return Leftovers(tuple(gone), tuple(left), tuple(lost))


def _unrecorded(kept: Mapping[str, Stage], folder: Path) -> dict[str, list[str]]:
    """Names of stages whose outputs all lie beside those of another recipe's stage, and these outputs.

    `models/wide` beside `models/full` proves nothing alone: it may be the user's.
    """
    found = {}
    for stage, _, recipe in (name.partition("@") for name in kept):
        named = re.compile(rf"(?<=/){re.escape(recipe)}(?=[/.]|$)")  # /full at the end, /full/ or /full.json
        paths = [path for path in kept[f"{stage}@{recipe}"].writes if named.search(path)] if recipe else []
        if not paths[1:]:
            continue
        beside = folder / named.split(paths[0], maxsplit=1)[0]
        for other in sorted({path.name.partition(".")[0] for path in beside.glob("[!.]*")}):
            outputs_of_other = [named.sub(other, path, count=1) for path in paths]
            if all((folder / path).exists() for path in outputs_of_other):
                found[f"{stage}@{other}"] = outputs_of_other
    return found


def _lines_that_name(paths: Iterable[str], file: Path) -> list[int]:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return [number for number, line in lines if any(path in line for path in paths)]


def _remove(found: Leftovers, folder: Path) -> None:
    """The outputs first: until they are gone, dvc.lock knows them, and the same command goes on."""
    for path in map(folder.joinpath, found.outputs):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        with suppress(OSError):  # there is something else in it
            path.parent.rmdir()
    lock = folder / LOCK
    with drafts() as draft_of:
        text = without(lock.read_text(encoding="utf-8"), (f"stages.{name}" for name in found.stages))
        draft_of(lock).write_text(text, encoding="utf-8")

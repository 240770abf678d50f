"""DVC's cache, mended: DVC trusts a read-only file there without looking, and does not know what a checkout still has.

What is damaged or lost is found by its md5. The user's checkout may have it, and else DVC's remote.
"""

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from pipeline.repository.dvc_lock import LOCK, Caches, Hashes, files_below, inputs, listing, md5_of, outputs, read_lock
from pipeline.repository.project import Project
from pipeline.runtime.drafts import drafts

READ_ONLY = 0o444  # as DVC has the files of its cache


def cached_paths(project: Project) -> Hashes:
    """The md5 of each path that DVC has for the project's commit: outputs, and tables, that git does not have.

    Nothing, if dvc.lock is not as DVC wrote it: DVC says so. Raises: CommandError if git cannot tell.
    """
    lock, stages = project.folder / LOCK, {}
    with suppress(ValueError):
        stages = read_lock(lock) if lock.exists() else {}
    tables = {path: md5 for path, md5 in inputs(stages).items() if (project.folder / f"{path}.dvc").exists()}
    recorded = {**tables, **outputs(stages)}
    in_git = project.unignored_files(*recorded) if recorded else []
    git_has = {path for path in recorded if any(f"{file}/".startswith(f"{path}/") for file in in_git)}
    return {path: md5 for path, md5 in recorded.items() if path not in git_has}


def mend_cache(cache: Path, recorded: Hashes, *, checkout: Path, has_remote: bool) -> Hashes:
    """Save in the cache what it has lost or damaged and the checkout has. What is damaged and cannot be saved goes.

    It stays if DVC has no remote that may have it: then it is all that there is. Returns the folders that it knows no
    files of, as their listings are not at hand.
    """
    caches = Caches((cache,))

    def mend(md5: str, *, found: str, save: Callable[[Path], object]) -> None:
        if found == md5:
            with drafts() as draft_of:
                draft = draft_of(caches.place(md5))
                save(draft)
                draft.chmod(READ_ONLY)
        elif has_remote:  # then `dvc pull` brings it
            caches.place(md5).unlink(missing_ok=True)

    unknown = {}
    for path, md5 in recorded.items():
        if md5.endswith(".dir") and not caches.is_intact(md5):
            names = listing(checkout / path)
            found = hashlib.md5(names, usedforsecurity=False).hexdigest()
            mend(md5, found=f"{found}.dir", save=partial(Path.write_bytes, data=names))
        files = caches.files(path, md5)
        if files is None:
            unknown[path] = md5
        for name, file_md5 in (files or {}).items():
            own = checkout / name
            if not caches.is_intact(file_md5):
                found = md5_of(own) if own.is_file() else ""
                mend(file_md5, found=found, save=partial(shutil.copyfile, own))
    return unknown


def unsaved(cache: Path, recorded: Hashes, *, checkout: Path) -> list[str]:
    """The files at or below the recorded paths that only the checkout has: `dvc checkout` refuses to lose them."""
    caches, files = Caches((cache,)), [file for path in recorded for file in files_below(checkout / path)]
    return [file.relative_to(checkout).as_posix() for file in files if not caches.find(md5_of(file))]

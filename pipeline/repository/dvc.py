"""What DVC says of a project, read from what it prints for programs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.repository.project import DVC, Project


def cache_folder(project: Project) -> Path:
    """The folder in which DVC keeps files by their md5.

    Raises: CommandError if DVC cannot tell, as with all that follow.
    """
    (folder,) = project.lines(*DVC, "cache", "dir")
    return Path(folder)


def has_default_remote(project: Project) -> bool:
    """True if `dvc push` and `dvc pull` have somewhere to go."""
    return any(line.startswith("core.remote=") for line in project.lines(*DVC, "config", "--list"))


def stale_stages(project: Project, *, seconds: float) -> list[str]:
    """The stages that `dvc repro` would run again."""
    return list(_answer(project, "status", seconds=seconds))


def missing_in_remote(project: Project, *, seconds: float) -> list[str]:
    """The outputs, file by file, that the default remote does not have."""
    status = _answer(project, "data", "status", "--not-in-remote", "--granular", seconds=seconds)
    return list(status.get("not_in_remote", []))


def only_in_the_work_tree(project: Project, *, seconds: float) -> list[str]:
    """The outputs, and the table if DVC has it, that are not as dvc.lock records them, or not in the cache.

    `dvc checkout` would lose them.
    """
    status = _answer(project, "data", "status", seconds=seconds)
    uncommitted = status.get("uncommitted", {})
    changed = {str(path) for kind in ("modified", "added", "renamed") for path in uncommitted.get(kind, [])}
    return sorted({*status.get("not_in_cache", []), *changed} - {*uncommitted.get("deleted", [])})


def _answer(project: Project, *question: str, seconds: float) -> Mapping[str, Any]:
    return dict(json.loads("\n".join(project.lines(*DVC, *question, "--json", seconds=seconds))))

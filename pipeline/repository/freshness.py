"""Which stages are up to date, told from dvc.lock's own hashes: `dvc status` takes a second to start."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.repository.dvc_lock import LOCK, NEVER_RUN, Stage, listing, md5_of, outputs, read_lock
from pipeline.runtime.urls import is_url
from pipeline.runtime.yaml_files import read


def changed_stages(names: Iterable[str], *, folder: Path) -> list[str]:
    """Those of the project's stages whose inputs, settings or outputs are not as dvc.lock records them, or not in it.

    An output that is just missing has not changed: `dvc checkout` brings it. A table at a URL counts as unchanged: only
    `dvc status` asks for it.
    Raises: ValueError if dvc.lock or a file of settings cannot be read.
    """
    recorded = read_lock(folder / LOCK) if (folder / LOCK).exists() else {}
    stages = {name: recorded.get(name, NEVER_RUN) for name in names}
    paths = {path for stage in stages.values() for path in (*stage.reads, *stage.writes)}
    written = outputs(stages)
    here = {path for path in paths if not is_url(path)}
    md5s = {path: current_md5(folder / path) or written.get(path) for path in here}
    files = {_file_and_key(setting)[0] for stage in stages.values() for setting in stage.settings}
    settings = {file: read(folder / file) for file in files}
    return [name for name, stage in stages.items() if name not in recorded or _differs(stage, md5s, settings)]


def _differs(stage: Stage, md5s: Mapping[str, str | None], settings: Mapping[str, Any]) -> bool:
    if any(md5s.get(path, md5) != md5 for hashes in (stage.reads, stage.writes) for path, md5 in hashes.items()):
        return True
    return any(_value(settings, setting) != value for setting, value in stage.settings.items())


def current_md5(path: Path) -> str | None:
    """DVC's hash of a file or a folder; None if there is none."""
    if not path.is_dir():
        return md5_of(path) if path.exists() else None
    return f"{hashlib.md5(listing(path), usedforsecurity=False).hexdigest()}.dir"


def _file_and_key(setting: str) -> tuple[str, str]:
    """The two parts of a setting's name.

    >>> _file_and_key("params.yaml recipes.full")
    ('params.yaml', 'recipes.full')
    """
    file, _, key = setting.partition(" ")
    return file, key


def _value(settings: Mapping[str, Any], setting: str) -> object:
    """What the file says now; None if it does not have the key."""
    file, key = _file_and_key(setting)
    value = settings[file]
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value

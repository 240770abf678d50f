"""Trains HEAD again in a temporary clone and compares what it writes with what dvc.lock records."""

import json
import sys
import tempfile
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

from pipeline import versions
from pipeline.repository.dvc_lock import LOCK, NEVER_RUN, Artifact, Stage, artifacts, inputs, read_lock
from pipeline.repository.project import Project
from pipeline.reproduction.difference import describe_difference
from pipeline.reproduction.fresh_clone import CannotVerifyError, FreshClone, name_of_head
from pipeline.runtime import escape
from pipeline.runtime.errors import CommandError
from pipeline.runtime.packages import MissingPackageError


class VerifyOutcome(IntEnum):
    """The exit codes of both verifications. 1 is a defect's traceback, 2 a wrong command line, 130 an interrupt."""

    SAME_BYTES = 0
    OTHER_BYTES = 3
    TRAINING_FAILED = 4
    CANNOT_VERIFY = 5


EXPECTED: Mapping[type[Exception], int] = {
    CannotVerifyError: VerifyOutcome.CANNOT_VERIFY,
    MissingPackageError: VerifyOutcome.CANNOT_VERIFY,
    CommandError: VerifyOutcome.TRAINING_FAILED,
}


def verify(folder: Path) -> VerifyOutcome:
    """Retrain the HEAD of the project in the folder and print whether all artifacts are identical, or how they differ.

    Raises: CannotVerifyError if there is nothing to verify or to train on, CommandError if the training fails.
    """
    project = Project.at(folder)
    head = escape.terminal(name_of_head(project))
    print(f"verify: training {head} from scratch in a temporary clone", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="verify-") as temporary:
        clone = FreshClone.of_head(project, Path(temporary).resolve())
        try:
            recorded = read_lock(clone.project.folder / LOCK)
        except ValueError as error:
            raise CannotVerifyError(str(error)) from None
        packages = changed_packages(json.loads((clone.project.folder / versions.FILE).read_text(encoding="utf-8")))
        clone.copy_raw_table(recorded)
        retrained = clone.retrain(record_versions=bool(packages))
        compared = list(artifacts(recorded, retrained, caches=clone.caches))
        different = [artifact for artifact in compared if artifact.recorded != artifact.found]
        if not different:
            print(f"identical: {len(compared)} artifacts of {head}")
            return VerifyOutcome.SAME_BYTES
        print(f"differs: {len(different)} of {len(compared)} artifacts of {head}, first {different[0].path}")
        for artifact in different:
            print(escape.terminal(f"  {artifact.path}: {describe(artifact, clone)}"))
    print(f"recorded from other inputs: {', '.join(changed_inputs(recorded, retrained)) or 'none'}")
    print(f"recorded with other packages: {', '.join(packages) or 'none'}")
    return VerifyOutcome.OTHER_BYTES


def describe(artifact: Artifact, clone: FreshClone) -> str:
    """How a retrained artifact differs from the recorded one, in words."""
    if artifact.recorded is None:
        return f"not recorded in {LOCK}"
    if artifact.found is None:
        return "no longer written"
    recorded = clone.recorded_bytes(artifact.path, artifact.recorded)
    if recorded is None:
        return "the recorded bytes are not at hand"
    return describe_difference(artifact.path, recorded, (clone.project.folder / artifact.path).read_bytes())


def changed_inputs(recorded: Mapping[str, Stage], retrained: Mapping[str, Stage]) -> list[str]:
    """The code, tables and settings that are not, at HEAD, what dvc.lock was recorded from."""
    files, changed = inputs(retrained), set()
    for name, stage in retrained.items():
        before = recorded.get(name, NEVER_RUN)
        changed |= {path for path, md5 in stage.reads.items() if path in files and before.reads.get(path) != md5}
        changed |= {key for key, value in stage.settings.items() if before.settings.get(key) != value}
    return sorted(changed)


def changed_packages(recorded: Mapping[str, str]) -> list[str]:
    """The packages that decide the bytes and are installed in another version than the recorded one.

    >>> changed_packages({"numpy": "1.0", "pyarrow": versions.installed("pyarrow")})[0].split(",")[0]
    'numpy 1.0'
    """
    installed = {name: versions.installed(name) for name in recorded}
    return [f"{name} {recorded[name]}, not {installed[name]}" for name in recorded if recorded[name] != installed[name]]

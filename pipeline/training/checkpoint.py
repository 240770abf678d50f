"""The last end of an epoch of an unfinished training, on disk: a killed training goes on from there.

Checkpoints live outside DVC's outputs, which DVC deletes before it runs a stage.
"""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import astuple
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

from pipeline.model.reproducible import safetensors, torch
from pipeline.training.fit import START, Epoch, TrainingState
from pipeline.training.workers import Workers

DIGEST_BYTES = 32
DRAFT = ".draft"
ROOT = Path(__file__).parents[2]
log = logging.getLogger(__name__)


class Checkpoint:
    """The checkpoint of one training: its key says all that decides the result, so that no other goes on from it."""

    def __init__(self, folder: Path, *, key: Mapping[str, Any], every_seconds: float) -> None:
        name = hashlib.sha256(json.dumps(key, sort_keys=True, allow_nan=False).encode()).hexdigest()
        self.path = folder / f"{name}.checkpoint"
        self._every_seconds, self._saved = every_seconds, time.monotonic()

    def load_for(self, workers: Workers) -> TrainingState:
        """What the first worker loads, in all of them. Raises: RuleError if one of them has another key."""
        workers.agree("code, settings, packages or data", self.path.stem)
        return _unpacked(workers.told(lambda: _packed(self.load())))

    def load(self) -> TrainingState:
        """The saved state; START if nothing was saved, or if the file is damaged or cannot be read, which is logged."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return START
        except OSError as error:
            log.warning("cannot read the checkpoint (%s): training starts anew", error)
            return START
        digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            log.warning("%s is damaged: its digest must be that of its content; training starts anew", self.path)
            return START
        state = _unpacked(body)
        log.info("going on after epoch %d, from %s", len(state.history), self.path)
        return state

    def save_if_due(self, state: TrainingState) -> None:
        """Save the state, if enough seconds have passed since the last time."""
        if time.monotonic() - self._saved >= self._every_seconds:
            self.save(state)

    def save(self, state: TrainingState) -> None:
        """Save the state: whoever is killed meanwhile leaves the old checkpoint or the new one, never a part.

        A full disk costs the checkpoint and not the training; it is logged.
        """
        body = _packed(state)
        self._saved = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_drafts()
            descriptor, draft = tempfile.mkstemp(prefix=f"{self.path.stem}.", suffix=DRAFT, dir=self.path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(body).digest() + body)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self.path)
        except OSError as error:
            log.warning("cannot save a checkpoint (%s): training goes on without", error)

    def remove(self) -> None:
        """Forget the training: it is over."""
        self.path.unlink(missing_ok=True)
        self._remove_drafts()

    def _remove_drafts(self) -> None:
        """Remove what a killed training, or a full disk, has left of a checkpoint."""
        for draft in self.path.parent.glob(f"{self.path.stem}.*{DRAFT}"):
            draft.unlink(missing_ok=True)


def imported_files(script: Path) -> dict[str, Path]:
    """The project's files that a script imports, directly or not, and itself, by their path in the project.

    What it finds are import statements, wherever they stand in the code: so it does not depend on what else the process
    has imported, and a file that the script never imports is not among them.
    """
    finder = ModuleFinder([str(ROOT)])  # other packages lie elsewhere, and are not found
    finder.run_script(str(script))
    found = (vars(module)["__file__"] for module in finder.modules.values())  # None of those that are built in
    files = sorted(Path(file) for file in found if file)
    return {file.relative_to(ROOT).as_posix(): file for file in files}


def sha256(path: Path) -> str:
    """The hash of a file's bytes, of which a key is made."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _packed(state: TrainingState) -> bytes:
    facts = {"kept_epoch": state.kept_epoch, "history": [astuple(epoch) for epoch in state.history]}
    tensors = {f"resume_from.{index}": tensor.cpu() for index, tensor in enumerate(state.resume_from)}
    tensors["kept_weights"] = state.kept_weights.cpu()
    tensors["facts"] = torch.tensor(list(json.dumps(facts).encode()), dtype=torch.uint8)
    return safetensors.torch.save(tensors)


def _unpacked(body: bytes) -> TrainingState:
    tensors = safetensors.torch.load(body)
    facts = json.loads(bytes(tensors.pop("facts").tolist()))
    return TrainingState(
        history=tuple(Epoch(*losses) for losses in facts["history"]),
        kept_epoch=facts["kept_epoch"],
        kept_weights=tensors.pop("kept_weights"),
        resume_from=tuple(tensors[f"resume_from.{index}"] for index in range(len(tensors))),
    )

"""The last end of an epoch of an unfinished training, on disk: a killed training goes on from there.

Checkpoints live outside DVC's outputs, which DVC deletes before it runs a stage.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pipeline.model.reproducible import safetensors, torch
from pipeline.training.fit import START, Epoch, Progress

DIGEST_BYTES = 32
log = logging.getLogger(__name__)


class Checkpoint:
    """The checkpoint of one training: of all that decides its result, so that another one never goes on from it."""

    def __init__(self, folder: Path, *, decides: Mapping[str, Any], every_seconds: float) -> None:
        key = hashlib.sha256(json.dumps(decides, sort_keys=True, allow_nan=False).encode()).hexdigest()
        self.path, self._draft = folder / f"{key}.checkpoint", folder / f"{key}.draft"
        self._every_seconds = every_seconds
        self._saved = time.monotonic()

    def load(self) -> Progress:
        """Where the training was: at its start if nothing was saved, or if it is damaged, which is said."""
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
        progress = _unpacked(body)
        log.info("going on after epoch %d, from %s", len(progress.history), self.path)
        return progress

    def offer(self, progress: Progress) -> None:
        """Save the progress, if enough seconds have passed since the last time."""
        if time.monotonic() - self._saved >= self._every_seconds:
            self.save(progress)

    def save(self, progress: Progress) -> None:
        """Save the progress: whoever is killed meanwhile leaves the old checkpoint or the new one, never a part.

        A full disk costs the checkpoint, which is said, and not the training.
        """
        body = _packed(progress)
        self._saved = time.monotonic()
        try:
            self._write(hashlib.sha256(body).digest() + body)
        except OSError as error:
            log.warning("cannot save a checkpoint (%s): training goes on without", error)

    def _write(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._draft.replace(self.path)

    def remove(self) -> None:
        """Forget the training: it is over."""
        for path in (self.path, self._draft):
            path.unlink(missing_ok=True)


def _packed(progress: Progress) -> bytes:
    facts = {"kept_epoch": progress.kept_epoch, "history": [astuple(epoch) for epoch in progress.history]}
    tensors = {f"state.{place}": tensor.cpu() for place, tensor in enumerate(progress.state)}
    tensors |= {"kept": progress.kept.cpu(), "facts": torch.tensor(list(json.dumps(facts).encode()), dtype=torch.uint8)}
    return safetensors.torch.save(tensors)


def _unpacked(body: bytes) -> Progress:
    tensors = safetensors.torch.load(body)
    facts = json.loads(bytes(tensors.pop("facts").tolist()))
    return Progress(
        history=tuple(Epoch(*losses) for losses in facts["history"]),
        kept_epoch=facts["kept_epoch"],
        kept=tensors.pop("kept"),
        state=tuple(tensors[f"state.{place}"] for place in range(len(tensors))),
    )

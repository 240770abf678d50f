"""The champion, the model of the last accepted commit; and the anchor, the accepted model that has been best."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.model.bundle import Bundle
from pipeline.nights.accepted import damaged_in_words, missing_or_changed
from pipeline.nights.anchor import read_anchor
from pipeline.nights.night import Night
from pipeline.repository.dvc_lock import Caches, outputs
from pipeline.runtime.errors import CommandError

OTHER_SPLIT = "it was trained under another prepare.split"
FETCHED = "metrics/anchor"  # in the night's clone, for a moment


@dataclass(frozen=True)
class Champion:
    """The model of the last accepted commit, if there is one; or the anchor, if that is another."""

    bundle: Bundle | None  # None, too, if the model cannot be compared: then `incomparable` says why
    md5: str | None  # of the model's listing: DVC's name for it
    incomparable: str | None = None


def find_champion(night: Night) -> Champion:
    """The champion that the clone has, as the last accepted commit records it.

    It can be compared if its bytes are the recorded ones, its contract is today's, and it was trained under today's
    split: else tonight's test rows may be rows that it was trained on.
    """
    md5 = outputs(night.accepted).get(night.model)
    if md5 is None:
        return Champion(None, None)
    sections = [stage.settings.get("params.yaml prepare") for stage in night.accepted.values()]
    splits = [section.get("split") for section in sections if isinstance(section, Mapping)]
    if night.prepare.split.model_dump() not in splits:
        return Champion(None, md5, OTHER_SPLIT)
    try:
        return Champion(load_intact(night, night.model, md5=md5), md5)
    except ValueError as error:
        return Champion(None, md5, str(error))


def find_anchor(night: Night, champion: Champion) -> Champion:
    """The anchor, to be compared like the champion; the champion itself if that is it, or cannot be compared.

    Its files come from DVC's cache, or from the remote, without the commit that had them.
    """
    try:
        anchor = read_anchor(night.tree) if champion.bundle else None
    except ValueError as error:
        return Champion(None, None, str(error))
    if anchor is None or anchor.model_md5 == champion.md5:
        return champion
    md5 = anchor.model_md5
    if anchor.split != night.prepare.split:
        return Champion(None, md5, OTHER_SPLIT)
    file = night.tree / f"{FETCHED}.dvc"
    file.write_text(json.dumps({"outs": [{"md5": md5, "hash": "md5", "path": Path(FETCHED).name}]}))
    try:
        seconds = night.settings.publish_seconds
        night.workspace.checkout_outputs(f"{FETCHED}.dvc", recorded={FETCHED: md5}, seconds=seconds)
        return Champion(load_intact(night, FETCHED, md5=md5), md5)
    except CommandError:  # its words name this machine's folders
        return Champion(None, md5, "DVC cannot bring its files from the cache or the remote")
    except ValueError as error:
        return Champion(None, md5, str(error))
    finally:  # `dvc repro` and `dvc push` are to know nothing of it
        file.unlink()
        shutil.rmtree(night.tree / FETCHED, ignore_errors=True)


def load_intact(night: Night, path: str, *, md5: str) -> Bundle:
    """The model that the clone has, if its files are the recorded ones: DVC does not always notice a damaged cache.

    Raises: ValueError if a file is missing or another, or if the bundle cannot be loaded.
    """
    caches = Caches((night.workspace.cache,))
    recorded = caches.files(path, md5)
    if recorded is None:
        damaged = damaged_in_words(caches, [md5])
        raise ValueError(f"{path}: its files must be in DVC's cache or remote, found no listing {md5}{damaged}")
    if wrong := missing_or_changed(night.tree, recorded):
        found = f"{', '.join(wrong)} missing or changed{damaged_in_words(caches, recorded.values())}"
        raise ValueError(f"{path}: its files must be as recorded, found {found}")
    return Bundle.load(night.tree / path)

"""The champion: the model of the last accepted commit."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.model.bundle import Bundle
from pipeline.nights.accepted import missing_or_changed
from pipeline.nights.night import Night
from pipeline.repository.dvc_lock import Caches, outputs


@dataclass(frozen=True)
class Champion:
    """The model of the last accepted commit, if there is one."""

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
        return Champion(None, md5, "it was trained under another prepare.split")
    try:
        return Champion(load_intact(night, md5=md5), md5)
    except ValueError as error:
        return Champion(None, md5, str(error))


def load_intact(night: Night, *, md5: str) -> Bundle:
    """The model that the clone has, if its files are the recorded ones: DVC does not always notice a damaged cache.

    Raises: ValueError if a file is missing or another, or if the bundle cannot be loaded.
    """
    path = night.model
    recorded = Caches((night.workspace.cache,)).files(path, md5)
    if recorded is None:
        raise ValueError(f"{path}: its files must be in DVC's cache or remote, found no listing {md5}")
    if wrong := missing_or_changed(night.tree, recorded):
        raise ValueError(f"{path}: its files must be as recorded, found {', '.join(wrong)} missing or changed")
    return Bundle.load(night.tree / path)

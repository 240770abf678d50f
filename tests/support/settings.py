"""A params.yaml for the tests: the project's own, with other sections where a test wants them."""

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.work_tree import ROOT


def all_settings(**sections: Any) -> dict[str, Any]:
    """The project's settings with these sections in place of its own; nights train the first of the recipes."""
    settings = YAML(typ="safe").load(ROOT / "params.yaml") | sections
    settings["nightly"]["recipe"] = next(iter(settings["recipes"]))
    return dict(settings)


def write_settings(folder: Path, **sections: Any) -> Path:
    """Write them as params.yaml into the folder; returns the file."""
    file = folder / "params.yaml"
    file.write_text(json.dumps(all_settings(**sections)), encoding="utf-8")
    return file

"""The sample that ships. Nights put another table in its place: what depends on the sample asks here for it."""

import hashlib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline import params, sample
from pipeline.nights.record import COLUMNS, read_history
from pipeline.nights.record_files import FILES, HISTORY

ROWS, SEED = 4_000, 20240728
MD5 = "cf6bd05e3c7f65f510475c009a3e1d32"
TABLE = "data/raw/salaries.csv"


def write_sample(file: Path) -> Path:
    """Draw the sample into the file, which it returns."""
    sample.write(file, rows=ROWS, seed=SEED)
    return file


def is_as_it_ships(folder: Path) -> bool:
    """True if the project's table is the sample, and no night has left a line: then its metrics are the sample's."""
    table = folder / TABLE
    is_sample = table.is_file() and hashlib.md5(table.read_bytes(), usedforsecurity=False).hexdigest() == MD5
    return is_sample and _settings(folder)["data"]["path"] == TABLE and not read_history(folder)


def put_the_sample_in_place(folder: Path) -> None:
    """Give the project the sample as its table, and no past nights. Its results are then still those of another."""
    for name in (f"{TABLE}.dvc", "data/raw/.gitignore", *FILES):
        (folder / name).unlink(missing_ok=True)
    (folder / TABLE).parent.mkdir(parents=True, exist_ok=True)
    write_sample(folder / TABLE)
    (folder / HISTORY).write_text(f"{','.join(COLUMNS)}\n", encoding="utf-8")
    settings = _settings(folder)
    settings["data"]["path"] = TABLE
    YAML().dump(settings, folder / params.FILE)


def _settings(folder: Path) -> Any:
    return YAML().load(folder / params.FILE)

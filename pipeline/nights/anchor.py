"""The anchor: the accepted model that has been best, so that the tolerances of many nights add up to no slide."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipeline import params
from pipeline.nights.record_files import ANCHOR
from pipeline.runtime import escape
from pipeline.runtime.json_file import loads, read_bytes
from pipeline.runtime.sections import Section, parse

LARGEST = 1 << 16  # bytes of the file


class Anchor(Section):
    """Which model it is, by the md5 of its listing in DVC's cache, and the split that it was trained under."""

    model_md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]
    split: params.Split

    def write(self, project: Path) -> None:
        """Write it into the project."""
        (project / ANCHOR).write_text(escape.json_text(self.model_dump(mode="json")), encoding="utf-8")


def read_anchor(project: Path) -> Anchor | None:
    """The anchor that the last accepted commit names; None if it names none.

    Raises: ValueError if the file is not as a night wrote it.
    """
    try:
        text = read_bytes(project / ANCHOR, largest=LARGEST)
    except FileNotFoundError:
        return None
    return parse(Anchor, loads(text, where=str(ANCHOR)), where=f"{ANCHOR}:")

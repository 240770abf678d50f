"""Replays dated snapshots of a table as that many nights in a fresh clone: what would have been decided, and its worth.

Writes the nights' history, a summary in Markdown and a picture. The same snapshots and commit give the same files.
"""

import argparse
import datetime
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from pipeline import params
from pipeline.backtest.clone import SOURCE, make_clone, trained_ahead
from pipeline.backtest.report import Replayed, picture, summary
from pipeline.data.raw_table import Table, new_rows, read_table
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.model.bundle import Bundle
from pipeline.nights import record
from pipeline.nights.champion import dollars_of
from pipeline.nights.result import ACCEPTED, Ending
from pipeline.nights.run import run_night
from pipeline.repository.project import Project
from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.lifetime import end_as_ctrl_c_does


def main(argv: Sequence[str] | None = None) -> None:
    """Replay the snapshots of a folder and write what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("snapshots", type=Path, help="folder of CSV files with a date, YYYY-MM-DD, in their names")
    parser.add_argument("--out", type=Path, required=True, help="folder for history.csv, replay.md and replay.svg")
    arguments = parser.parse_args(argv)
    end_as_ctrl_c_does()
    try:
        nights = replay(dated(arguments.snapshots), project=Project.at(Path.cwd()), out=arguments.out)
        print(f"replay: {len(nights)} nights are in {arguments.out}/: replay.md, replay.svg, history.csv")
    except (RuleError, CommandError, OSError, ValueError) as error:
        sys.exit(f"replay: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def dated(folder: Path) -> dict[datetime.date, Path]:
    """The folder's snapshots by their dates, in order.

    Raises: ValueError if there are none, or two of one date.
    """
    found: dict[datetime.date, Path] = {}
    for file in sorted(folder.glob("*.csv")):
        if match := re.search(r"\d{4}-\d{2}-\d{2}", file.name):
            date = datetime.date.fromisoformat(match[0])
            if date in found:
                raise ValueError(f"{folder}: each date must have one snapshot, found {found[date].name}, {file.name}")
            found[date] = file
    if not found:
        raise ValueError(f"{folder}: must hold CSV files with a date such as 2026-01-31 in their names, found none")
    return dict(sorted(found.items()))


def replay(snapshots: dict[datetime.date, Path], *, project: Project, out: Path) -> list[Replayed]:
    """Spend the nights and write their history, their summary and their picture into the folder.

    Raises: RuleError if a night fails; CommandError if git or DVC cannot make the clone.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        temporary = Path(name).resolve()
        clone = make_clone(project, temporary, date=min(snapshots))
        with closing(trained_ahead(clone, temporary, list(snapshots.values()))) as trained:
            nights = list(_nights(clone, snapshots, trained))
        shutil.copyfile(clone.folder / record.HISTORY, out / record.HISTORY.name)
    (out / "replay.md").write_text(summary(nights), encoding="utf-8")
    (out / "replay.svg").write_text(picture(nights), encoding="utf-8")
    return nights


def _nights(
    clone: Project, snapshots: Mapping[datetime.date, Path], trained: Iterator[Path | None]
) -> Iterator[Replayed]:
    """Each night in turn, as soon as its pipeline has run."""
    prepare = params.load(params.Prepare, "prepare", file=clone.folder / params.FILE)
    recipe = params.load(params.Nightly, "nightly", file=clone.folder / params.FILE).recipe
    before: Table | None = None
    first: Bundle | None = None
    progress = tqdm(snapshots.items(), desc="replay", unit="night", disable=None)
    for (date, file), results in zip(progress, trained, strict=True):
        shutil.copyfile(file, clone.folder / SOURCE)
        report = run_night(clone, date=date, results=results)
        progress.set_postfix_str(f"{date} {report.ending.name.lower()}")
        if report.ending in (Ending.FAILED, Ending.INTERRUPTED):
            raise RuleError(f"the night of {date}", rule="must end", found=report.message, fix="mend that, and replay")
        table = read_table(file, settings=prepare) if report.record and report.record.measures else None
        yield Replayed(date, report, _error(first, before, table) if first and before and table else None)
        if report.ending in ACCEPTED:
            before = read_table(file, settings=prepare)
            first = first or Bundle.load(clone.folder / f"models/{recipe}")


def _error(model: Bundle, before: Table, table: Table) -> float | None:
    """The model's error on the table's new rows, in USD²; None if there are none."""
    new = new_rows(before, table)
    if not len(new):
        return None
    return mean_squared_error(dollars_of(model, table.rows.take(pa.array(new))), table.target[new])


if __name__ == "__main__":
    main()

"""Dated snapshots of a table, spent as that many nights in a fresh clone."""

import datetime
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from pipeline import params
from pipeline.backtest.ageing import models_to_score
from pipeline.backtest.chart import picture
from pipeline.backtest.clone import SOURCE, make_clone, train_in_parallel
from pipeline.backtest.report import Replayed, summary
from pipeline.data.raw_table import Table, new_rows, read_table
from pipeline.model.bundle import Bundle
from pipeline.nights.compare import mse_on
from pipeline.nights.record import NightOutcome
from pipeline.nights.record_files import HISTORY
from pipeline.nights.run import run_night
from pipeline.repository.project import Project
from pipeline.runtime.errors import RuleError


def dated_snapshots(folder: Path) -> dict[datetime.date, Path]:
    """The folder's tables by the dates in their names, in order. Raises: ValueError if there is none, or two of one."""
    rule = "must be a folder of tables (.csv, .csv.gz, .parquet) with a date such as 2026-01-31 in their names"
    if not folder.is_dir():
        raise ValueError(f"{folder}: {rule}, found {'a file' if folder.exists() else 'nothing'}; name such a folder")
    found: dict[datetime.date, Path] = {}
    for file in sorted(folder.iterdir()):
        if match := re.search(r"(\d{4}-\d{2}-\d{2}).*\.(csv|csv\.gz|parquet)$", file.name):  # salaries_2026-01-31.csv
            date = datetime.date.fromisoformat(match[1])
            if date in found:
                raise ValueError(f"{folder}: each date must have one snapshot, found {found[date].name}, {file.name}")
            found[date] = file
    if not found:
        raise ValueError(f"{folder}: {rule}, found no such table; name the folder in which they are")
    return dict(sorted(found.items()))


def replay(snapshots: Mapping[datetime.date, Path], *, project: Project, out: Path) -> list[Replayed]:
    """Spend the nights and write their history, their summary and their picture into the folder.

    Raises: RuleError if a night fails, or the table lies elsewhere; CommandError if git or DVC cannot make the clone.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        temporary = Path(name).resolve()
        clone = make_clone(project, temporary, date=min(snapshots))
        with closing(train_in_parallel(clone, temporary, list(snapshots.values()))) as tables:
            nights = list(_nights(clone, snapshots, tables))
        shutil.copyfile(clone.folder / HISTORY, out / HISTORY.name)
    (out / "replay.md").write_text(summary(nights), encoding="utf-8")
    (out / "replay.svg").write_text(picture(nights), encoding="utf-8")
    return nights


def _nights(clone: Project, snapshots: Mapping[datetime.date, Path], trained: Iterator[Path]) -> Iterator[Replayed]:
    """Each night in turn, as soon as the pipeline has run on its table."""
    prepare = params.load(params.Prepare, "prepare", file=clone.folder / params.FILE)
    recipe = params.load(params.Nightly, "nightly", file=clone.folder / params.FILE).recipe
    before: Table | None = None  # of the last accepted night
    models: dict[datetime.date, Bundle] = {}  # of the accepted nights, in order
    progress = tqdm(snapshots, desc="replay", unit="night", disable=None)
    for date, file in zip(progress, trained, strict=True):
        shutil.copyfile(file, clone.folder / SOURCE)
        result = run_night(clone, date=date)
        progress.set_postfix_str(f"{date} {result.outcome}")
        if result.outcome in (NightOutcome.FAILED, NightOutcome.INTERRUPTED):
            raise RuleError(f"the night of {date}", rule="must end", found=result.message, fix="mend that, and replay")
        compared = bool(result.record and result.record.drift.measures)  # with the table before it
        table = read_table(file, settings=prepare) if compared or result.outcome.accepted else None
        mse = _on_new_rows(models, before, table, date=date) if before and table else {}
        yield Replayed(date, result, mse)
        if result.outcome.accepted:
            before = table
            models[date] = Bundle.load(clone.folder / f"models/{recipe}")


def _on_new_rows(
    models: Mapping[datetime.date, Bundle], before: Table, table: Table, *, date: datetime.date
) -> dict[datetime.date, float]:
    """The mean squared error, on the rows that came, of the first model and those that these rows tell of."""
    if not len(new := new_rows(before, table)):
        return {}
    return {night: mse_on(models[night], table, new) for night in sorted({min(models), *models_to_score(models, date)})}

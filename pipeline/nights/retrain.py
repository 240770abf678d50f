"""A challenger from tonight's table, and the gate's word on it."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipeline.data.raw_table import new_rows
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.nights.champion import Champion, dollars_of, find_champion, load_intact, trial
from pipeline.nights.check import Intake
from pipeline.nights.gate import decide
from pipeline.nights.night import Night
from pipeline.nights.record import Record
from pipeline.repository.dvc_lock import Stage, inputs, md5_of, outputs
from pipeline.repository.project import DVC, KNOWN_FILES, LOCK
from pipeline.runtime.errors import LAST_LINES, CommandError, RuleError
from pipeline.runtime.processes import run


def retrain(night: Night, stages: Mapping[str, Stage], intake: Intake) -> Record:
    """Put the table in its place, run the pipeline on it and let the gate decide; returns the night's record.

    stages: as the last accepted commit records them. The clone then holds the challenger and all that belongs to it.
    Raises: RuleError if the pipeline fails or takes too long.
    """
    champion = find_champion(night.tree, night.model, stages=stages, caches=night.caches, split=night.prepare.split)
    record = _with_new_rows(intake, champion)
    intake.file.replace(night.tree / night.table)
    _run_pipeline(night)
    made = night.stages()
    _check_inputs(night, made)
    md5 = outputs(made)[night.model]
    try:
        challenger = load_intact(night.tree, night.model, md5=md5, caches=night.caches)
    except ValueError as error:
        fix = "dvc repro --force in the project's folder"
        raise RuleError("the challenger", rule="must load", found=f"that {error}", fix=fix) from None
    contest = trial(intake.table, champion=champion, challenger=challenger)
    decision = decide(contest, night.settings.gate, forced=night.forced)
    return replace(
        record,
        decision=decision.outcome.value,
        reason=night.plain(decision.reason),
        challenger_md5=md5,
        numbers={**record.numbers, **decision.numbers},
    )


def restore(night: Night) -> None:
    """Put the clone back to its commit: the champion and all that belongs to it."""
    project = night.workspace.project
    project.lines("git", "reset", "--quiet", "--hard")
    project.lines("git", "clean", "--quiet", "-d", "--force")
    project.lines(*DVC, "checkout", "--force", "--allow-missing", seconds=night.settings.publish_seconds)


def _with_new_rows(intake: Intake, champion: Champion) -> Record:
    """The record with the champion's error on the rows that came tonight, which it has never seen."""
    record = replace(intake.record, champion_md5=champion.md5)
    if intake.before is None:
        return record
    new = new_rows(intake.before, intake.table)
    numbers = {**record.numbers, "new_rows": len(new)}
    if champion.bundle and len(new):
        prediction = dollars_of(champion.bundle, intake.table.rows.take(pa.array(new)))
        numbers["champion_new_rows_mse_usd2"] = mean_squared_error(prediction, intake.table.target[new])
    return replace(record, numbers=numbers)


def _run_pipeline(night: Night) -> None:
    """Run the pipeline on the table, within the time limit; what it says goes to repro.log."""
    project, log = night.workspace.project, night.folder / "repro.log"
    try:
        if night.table_in_git != night.table:
            project.lines(*DVC, "add", "--", night.table, seconds=night.settings.publish_seconds)
        if night.results:
            _take_over(night, night.results)
        with log.open("wb") as file:
            limit = night.settings.repro_seconds
            run((*DVC, "repro"), folder=project.folder, environment=project.environment, shown=file, seconds=limit)
    except CommandError as error:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        found = "\n".join([f"that {error}", *said[-LAST_LINES:]])
        raise RuleError("the pipeline", rule="must run on tonight's table", found=found, fix=f"see {log}") from None


def _check_inputs(night: Night, stages: Mapping[str, Stage]) -> None:
    """Refuse if a file that the stages read has other bytes now.

    Raises: RuleError, which names the files.
    """
    files = {path: md5 for path, md5 in inputs(stages).items() if not md5.endswith(".dir")}
    if changed := [path for path, md5 in files.items() if md5_of(night.tree / path) != md5]:
        rule, fix = "must be as the stages read it", "keep other programs out of runs/"
        raise RuleError("the night's clone", rule=rule, found=f"other bytes in {', '.join(changed)}", fix=fix)


def _take_over(night: Night, results: Path) -> None:
    """Copy what the pipeline wrote elsewhere; `dvc repro` then sees for itself that there is nothing left to do."""
    shutil.copyfile(results / LOCK, night.tree / LOCK)
    for path in replace(night.workspace.project, folder=results).lines(*KNOWN_FILES, *outputs(night.stages())):
        (night.tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(results / path, night.tree / path)
    night.workspace.project.lines(*DVC, "checkout", seconds=night.settings.publish_seconds)

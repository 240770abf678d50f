"""A challenger from tonight's table."""

import shlex

from pipeline.model.bundle import Bundle
from pipeline.nights.accepted import missing_or_changed
from pipeline.nights.champion import load_intact
from pipeline.nights.check import CheckedTable
from pipeline.nights.night import Night, recorded_stages
from pipeline.repository.dvc_lock import inputs, outputs
from pipeline.repository.project import DVC
from pipeline.runtime.errors import LAST_LINES, CommandError, RuleError, as_rule_error
from pipeline.runtime.processes import run
from pipeline.runtime.timed_log import timed_log, without_times


def retrain(night: Night, checked: CheckedTable) -> Bundle:
    """Put the table in its place and run the pipeline on it. The clone then has the challenger and what belongs to it.

    Raises: RuleError if the pipeline fails or takes too long, or if its inputs have other bytes in the end.
    """
    checked.fetched.file.replace(night.tree / night.table)
    _run_pipeline(night)
    stages = recorded_stages(night.tree)
    files = {path: md5 for path, md5 in inputs(stages).items() if not md5.endswith(".dir")}
    if changed := missing_or_changed(night.tree, files):
        rule, fix = "must be as the stages read it", "keep other programs out of runs/"
        raise RuleError("the night's clone", rule=rule, found=f"other bytes in {', '.join(changed)}", fix=fix)
    fix = "dvc repro --force in the project's folder"
    with as_rule_error(ValueError, "the challenger", rule="must load", fix=fix):
        return load_intact(night, night.model, md5=outputs(stages)[night.model])


def _run_pipeline(night: Night) -> None:
    """Run the pipeline on the table, within the time limit; what it says goes to repro.log, with the times."""
    project, log = night.workspace.project, night.folder / "repro.log"
    try:
        if night.table_in_git != night.table:
            project.lines(*DVC, "add", "--", night.table, seconds=night.settings.publish_seconds)
        with timed_log(log) as output:
            limit = night.settings.repro_seconds
            run((*DVC, "repro"), folder=project.folder, environment=project.environment, stdout=output, seconds=limit)
    except CommandError as error:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        said = without_times(text).splitlines()
        found = "\n".join([f"that {error}", *(said[-LAST_LINES:] if night.least_rows == 1 else [])])
        fix = f"see {shlex.quote(str(log))}" if said else "make dvc repro work in the project's folder"
        raise RuleError("the pipeline", rule="must run on tonight's table", found=found, fix=fix) from None

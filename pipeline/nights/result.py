"""What a night comes to, and who is told."""

import datetime
import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.nights.notify import notify
from pipeline.nights.outcome import NightOutcome
from pipeline.nights.record import Record
from pipeline.repository.project import Project
from pipeline.runtime.errors import CommandError, RuleError

FAILURES = (RuleError, CommandError, OSError)
"""What fails a night; any other error is a defect."""


class NightEnded(Exception):  # noqa: N818 (no error: a night may end early)
    """A step ends the night before its last one: how, why, and the record to publish, if there is one."""

    def __init__(self, outcome: NightOutcome, message: str, record: Record | None = None) -> None:
        super().__init__(message)
        self.outcome, self.message, self.record = outcome, message, record


@dataclass(frozen=True)
class NightResult:
    """How a night ended, in words; its record, if it came to a decision; the commit, if it made one."""

    outcome: NightOutcome
    message: str
    record: Record | None = None
    commit: str | None = None


def notify_and_log(
    result: NightResult,
    settings: params.Notify,
    *,
    user: Project,
    run: Path,
    date: datetime.date,
    started: datetime.datetime,
) -> None:
    """Tell who is to be told, and leave in the run's folder what only this machine knows: durations, host, failures."""
    facts = {
        "date": date.isoformat(),
        "run": run.name,
        "host": platform.node(),
        "ending": result.outcome,
        "code": result.outcome.exit_code,
        "message": result.message,
        "commit": result.commit,
        "record": json.loads(result.record.to_json()) if result.record else None,
    }
    failures = notify(facts, settings, user=user)
    seconds = (datetime.datetime.now(datetime.UTC) - started).total_seconds()
    log = {**facts, "seconds": round(seconds, 1), "not_notified": failures}
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / "night.json").write_text(json.dumps(log, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:  # on a full disk, too, the night has ended as it has
        failures.append(f"no log: {error}")
    for failure in failures:
        print(f"nightly: {failure}", file=sys.stderr)

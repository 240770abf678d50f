"""How a night ended: its exit code, what is said of it, and to whom."""

import datetime
import json
import platform
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from pipeline import params
from pipeline.nights.check import REJECTED
from pipeline.nights.gate import Outcome
from pipeline.nights.notify import notify
from pipeline.nights.record import Record
from pipeline.repository.project import Project


class Ending(IntEnum):
    """The exit codes. 1 is a defect's traceback, 2 a wrong command line."""

    PROMOTED = 0
    FIRST = 10
    INCOMPARABLE = 11
    FORCED = 12
    KEPT = 20
    UNCHANGED = 21
    REJECTED = 40
    FAILED = 41
    BUSY = 42
    INTERRUPTED = 130


ENDINGS = {outcome.value: Ending[outcome.name] for outcome in Outcome} | {REJECTED: Ending.REJECTED}
ACCEPTED = (Ending.PROMOTED, Ending.FIRST, Ending.INCOMPARABLE, Ending.FORCED)


@dataclass(frozen=True)
class Report:
    """How a night ended, in words; its record, if it came to a decision; the commit, if it made one."""

    ending: Ending
    message: str
    record: Record | None = None
    commit: str | None = None

    def facts(self) -> dict[str, object]:
        """For those who are told."""
        judged = json.loads(self.record.to_json()) if self.record else None
        ending = {"ending": self.ending.name.lower(), "code": int(self.ending), "message": self.message}
        return {**ending, "commit": self.commit, "record": judged}


def notify_and_log(
    report: Report,
    settings: params.Notify,
    *,
    user: Project,
    run: Path,
    date: datetime.date,
    started: datetime.datetime,
) -> None:
    """Tell who is to be told, and leave in the run's folder what only this machine knows: durations, host, failures."""
    facts = {"date": date.isoformat(), "run": run.name, "host": platform.node(), **report.facts()}
    failures = notify(facts, **settings.model_dump(), folder=user.folder, environment=user.environment)
    seconds = (datetime.datetime.now(datetime.UTC) - started).total_seconds()
    log = {**facts, "seconds": round(seconds, 1), "not_notified": failures}
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / "night.json").write_text(json.dumps(log, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:  # on a full disk, too, the night has ended as it has
        failures.append(f"no log: {error}")
    for failure in failures:
        print(f"nightly: {failure}", file=sys.stderr)

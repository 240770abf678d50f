"""How long nothing has changed: nights that all end well may still say, together, that something is wrong."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from pipeline import params
from pipeline.nights.logs import read_logs
from pipeline.nights.night import Night, NightResult
from pipeline.nights.record import ACCEPTED, NightOutcome, read_history
from pipeline.nights.record_files import ROLLBACK
from pipeline.repository.dvc_lock import LOCK, inputs
from pipeline.runtime.errors import CommandError

WORDS = {
    "champion_days": "the champion is {} days old",
    "source_days": "the source has not changed for {} days",
    "kept_in_a_row": "the champion was kept {} nights in a row",
}
"""How a message says each measure of `nightly.staleness`."""
FIX = "see whether the source is alive and the gate is right; --force REASON accepts tonight's table and model"
QUIET = (NightOutcome.UNCHANGED, NightOutcome.KEPT)  # the endings after which all is as it was, and nobody looks


@dataclass(frozen=True)
class PastNight:
    """When a night or a rollback was, what was decided, and which table the source had, or main went back to."""

    date: datetime.date
    decision: str
    table_md5: str


def with_staleness(night: Night, result: NightResult) -> NightResult:
    """A quiet night's result, whose message names what is stale; beyond a stop limit, the ending is stale too."""
    if result.outcome not in QUIET:
        return result
    measures = staleness(_past(night, result), today=night.date)
    limits = night.settings.staleness
    if stops := _beyond(measures, limits.stop, where="stop"):
        message = f"{'; '.join(stops.values())}; {FIX}; otherwise the night would be {result.outcome}: {result.message}"
        return replace(result, outcome=NightOutcome.STALE, message=message)
    warnings = _beyond(measures, limits.warn, where="warn")
    return replace(result, message="; ".join([result.message, *warnings.values()]))


def staleness(past: Sequence[PastNight], *, today: datetime.date) -> Mapping[str, int]:
    """Days and nights by the names of `nightly.staleness`, from the nights so far, oldest first, tonight's the last.

    A rollback has the age of the model that it went back to. Nights that compared nothing, as the source had nothing
    new or a broken table, are no nights kept, and do not interrupt them either.
    """
    measures = {}
    if champion_since := _champion_since(past):
        measures["champion_days"] = (today - champion_since).days
    seen = [one for one in reversed(past) if one.table_md5 and one.decision != ROLLBACK]
    if same := list(takewhile(lambda one: one.table_md5 == seen[0].table_md5, seen)):
        measures["source_days"] = (today - same[-1].date).days
    since = takewhile(lambda one: one.decision not in ACCEPTED | {ROLLBACK}, reversed(past))
    measures["kept_in_a_row"] = sum(one.decision == NightOutcome.KEPT for one in since)
    return measures


def _champion_since(past: Iterable[PastNight]) -> datetime.date | None:
    """When the champion was accepted; None if no night has accepted one."""
    accepted: dict[str, datetime.date] = {}  # the last time, by the table
    since = None
    for one in past:
        if one.decision in ACCEPTED:
            since = accepted[one.table_md5] = one.date
        elif one.decision == ROLLBACK:
            since = accepted.get(one.table_md5, one.date)
    return since


def _beyond(measures: Mapping[str, int], limits: params.StalenessLimits, *, where: str) -> dict[str, str]:
    """In words, by their names, what is beyond its limit, if it has one."""
    allowed = {name: limit for name, limit in limits.model_dump().items() if limit is not None}
    return {
        name: f"{WORDS[name].format(value)} (nightly.staleness.{where}.{name}: {allowed[name]:g})"
        for name, value in measures.items()
        if name in allowed and value > allowed[name]
    }


def _past(night: Night, result: NightResult) -> list[PastNight]:
    """All nights that the history and this machine's logs know, each once, and tonight's; by date.

    A champion of before the first night counts as accepted when dvc.lock was committed.
    """
    found = [*_recorded(night.tree), *_logged(night.folder.parent)]
    if not any(one.decision in ACCEPTED for one in found):
        found = [*_before_the_first_night(night), *found]
    found.append(PastNight(night.date, result.record.decision if result.record else result.outcome, result.table_md5))
    return sorted(dict.fromkeys(found), key=lambda one: one.date)  # a night that is in both is one


def _recorded(tree: Path) -> Iterator[PastNight]:
    for line in read_history(tree):
        with suppress(TypeError, ValueError):  # somebody has edited it: without a date it says nothing here
            yield PastNight(datetime.date.fromisoformat(line["date"]), line["decision"], line["table_md5"])


def _logged(runs: Path) -> Iterator[PastNight]:
    """Nights that made no commit are in the logs alone."""
    for log in read_logs(runs):
        decision = (log.get("record") or log).get("decision", log.get("ending"))
        with suppress(TypeError, ValueError, KeyError):
            yield PastNight(datetime.date.fromisoformat(log["date"]), str(decision), log["table_md5"] or "")


def _before_the_first_night(night: Night) -> Iterator[PastNight]:
    md5 = inputs(night.accepted).get(night.table)
    with suppress(CommandError):  # git has said so already, elsewhere
        committed = night.workspace.project.lines("git", "log", "-1", "--format=%cs", "--", LOCK)
        if md5 and committed:
            yield PastNight(datetime.date.fromisoformat(committed[0]), NightOutcome.FIRST, md5)

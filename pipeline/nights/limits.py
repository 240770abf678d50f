"""How much of its limit each measure uses: which are beyond one, and which are near."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.nights.drift import Measure, TableDrift

NEAR = 0.8  # of a limit
MOST = 10.0  # a larger share of a limit counts as this one
IF_NOTHING_CHANGES = {"new_rows_error": 1.0}  # all other measures are 0 then
NO_SHARES = {"stability_index", "new_rows_error", "bias_over_nights"}  # all other measures are shares


@dataclass(frozen=True)
class Limited:
    """A measure beside its limits, where it has them; and how much of the nearer one it uses, 1 is all of it."""

    measure: Measure
    warn: float | None
    stop: float | None
    used: float | None
    verdict: str  # "" if it is far from all limits

    def text(self, value: float | None) -> str:
        """A value of the measure for people: a share in percent."""
        if value is None:
            return "none"
        return f"{value:.3g}" if self.measure.name in NO_SHARES else f"{100 * value:.3g} %"


def limited(drift: TableDrift) -> list[Limited]:
    """All measures beside their limits."""
    return [_limited(measure, drift) for measure in drift.measures]


def near_limits(drift: TableDrift) -> list[Limited]:
    """The measures that are beyond a limit or near one, those that stop a night first, then by how much they use."""
    found = [one for one in limited(drift) if one.verdict]
    return sorted(found, key=lambda one: (one.measure not in drift.breaches, -(one.used or 0)))


def nearest_limit(drift: TableDrift) -> Limited | None:
    """The measure that uses most of its limit; None if no measure has one."""
    return max((one for one in limited(drift) if one.used is not None), key=lambda one: one.used or 0, default=None)


def _limited(measure: Measure, drift: TableDrift) -> Limited:
    sets = (drift.limits.warn, drift.limits.stop) if drift.limits else ()
    warn, stop = (getattr(limits, measure.name) for limits in sets) if sets else (None, None)
    if measure.since:
        warn, stop = stop, None  # the way of many nights is a warning once it would have stopped one
    used = _used(measure, [limit for limit in (warn, stop) if limit is not None])
    verdict = f"at {100 * used:.0f} % of the limit" if used and used >= NEAR else ""
    for kind, beyond in {"warning": drift.warnings, "stop": drift.breaches}.items():
        verdict = f"beyond the {kind} limit" if measure in beyond else verdict
    return Limited(measure, warn, stop, used, verdict)


def _used(measure: Measure, limits: Sequence[float]) -> float | None:
    """The share of the lower limit that counts against it: of what new rows say, what is there beyond chance."""
    if not limits:
        return None
    counts = measure.value if measure.least is None else measure.least
    still = IF_NOTHING_CHANGES.get(measure.name, 0.0)
    room = min(limits) - still
    if room <= 0:  # any change at all is beyond the limit
        return MOST if counts > min(limits) else 0.0
    return min(max((counts - still) / room, 0.0), MOST)

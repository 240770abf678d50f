"""How a night can end: the word that is written, the exit code, and whether the challenger is the new champion."""

from enum import StrEnum


class NightOutcome(StrEnum):
    """The words for how a night ended."""

    PROMOTED = "promoted"
    FIRST = "first"
    INCOMPARABLE = "incomparable"
    FORCED = "forced"
    KEPT = "kept"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    FAILED = "failed"
    BUSY = "busy"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """The code of `python -m pipeline.nightly`, where 1 is a defect's traceback and 2 a wrong command line."""
        return EXIT_CODES[self]

    @property
    def accepted(self) -> bool:
        """True if the challenger is the new champion."""
        return self.exit_code < EXIT_CODES[NightOutcome.KEPT]


EXIT_CODES = {
    NightOutcome.PROMOTED: 0,
    NightOutcome.FIRST: 10,
    NightOutcome.INCOMPARABLE: 11,
    NightOutcome.FORCED: 12,
    NightOutcome.KEPT: 20,
    NightOutcome.UNCHANGED: 21,
    NightOutcome.REJECTED: 40,
    NightOutcome.FAILED: 41,
    NightOutcome.BUSY: 42,
    NightOutcome.INTERRUPTED: 130,
}

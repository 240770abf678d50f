"""A block of a table → its piece of the output, with an answer to each record; in any thread or process."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.inference.answers import PROBLEM, UNKNOWN_FEATURES, Answers, answer
from pipeline.inference.predictions import CachingBundle
from pipeline.inference.writers import CsvOutput, ParquetOutput
from pipeline.model.bundle_fields import BUNDLE


@dataclass
class Counts:
    """How many rows there were, how many of them without a prediction, and how many with a value without a code.

    `first_problem` is that of the first row without a prediction, `ignored` has the columns that the data contract does
    not name, `uncalibrated` the percents of intervals that the model does not know.
    """

    rows: int = 0
    problems: int = 0
    unknown: int = 0
    first_problem: str = ""
    ignored: tuple[str, ...] = ()
    uncalibrated: tuple[int, ...] = ()

    @classmethod
    def of(cls, answers: Answers) -> "Counts":
        """The counts of a block."""
        has_problem = pc.is_valid(answers.distinct[PROBLEM]).to_numpy()  # (distinct answers,)
        has_unknown = pc.fill_null(pc.not_equal(answers.distinct[UNKNOWN_FEATURES], ""), False).to_numpy()
        of_rows, first = has_problem[answers.inverse], ""  # (rows,)
        if of_rows.any():
            first = answers.distinct[PROBLEM][answers.inverse[of_rows.argmax()].item()].as_py()[:200]
        return cls(len(of_rows), int(of_rows.sum()), int(has_unknown[answers.inverse].sum()), first)

    def add(self, block: "Counts") -> None:
        """Add those of one more block, or what a header tells of one; they must follow the ones before it."""
        self.rows += block.rows
        self.problems += block.problems
        self.unknown += block.unknown
        self.first_problem = self.first_problem or block.first_problem
        self.ignored = tuple(dict.fromkeys((*self.ignored, *block.ignored)))


@dataclass(frozen=True)
class Scored:
    """A block's piece of the output, its counts, and how many bytes of text it had."""

    piece: pa.Buffer | pa.Table
    counts: Counts
    size: int


@dataclass(frozen=True)
class Scorer:
    """A model bundle, by its folder and its bundle.json, which has the hashes of all its files; and the output."""

    model: Path
    facts: bytes
    names: tuple[str, ...]
    output: CsvOutput | ParquetOutput

    def __call__(self, block: Block) -> Scored:
        """Answer a block of the table whose columns have these names. Raises: ValueError as `loaded`."""
        answers = answer(loaded(self.model, self.facts), parse(block, self.names, keep=self.output.columns))
        return Scored(self.output.piece(answers), Counts.of(answers), len(block.text))


_LOADED: dict[bytes, CachingBundle] = {}  # the last one, by its facts


def load(model: Path) -> tuple[CachingBundle, bytes]:
    """The bundle as it is now, and its bundle.json. Raises: ValueError if it is damaged, or changes meanwhile."""
    facts = _facts(model)
    bundle = CachingBundle.load(model)
    if _facts(model) != facts:
        raise ValueError(f"{model}: the bundle must stay as it is while it is loaded, found another one; run again")
    _LOADED.clear()
    _LOADED[facts] = bundle
    return bundle, facts


def loaded(model: Path, facts: bytes) -> CachingBundle:
    """The bundle with this bundle.json, loaded once a process. Raises: ValueError as `load`, or if it is another."""
    bundle = _LOADED.get(facts)
    if bundle is None:
        bundle, found = load(model)
        if found != facts:
            rule = "must be one for all who predict with it, from beginning to end"
            raise ValueError(f"{model}: the bundle {rule}, found another {BUNDLE}; run again once it is in its place")
    return bundle


def _facts(model: Path) -> bytes:
    file = model / BUNDLE
    return file.read_bytes() if file.is_file() else b""  # `Bundle.load` tells what is missing

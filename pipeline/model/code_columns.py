"""Which columns of codes a network with embeddings reads, and where each one's codes stand in its tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from pipeline.data.encoding import Encoder
from pipeline.data.schema import ORDINALS, TEXT, WORDS


@dataclass(frozen=True)
class CodeColumns:
    """The columns in their order: nominals, ordinals, and the words of the text if it is among the features.

    One table has a row for each code of each column. `starts` says by column which row is that of the code 0, `rows`
    how many there are; all words share one part of the table. An ordinal's codes are read as numbers, from 0 for the
    code 1 to the one in `largest` for its last.
    """

    nominals: tuple[str, ...]
    ordinals: tuple[str, ...]
    words: tuple[str, ...]
    starts: tuple[int, ...]
    rows: int
    largest: tuple[int, ...]

    @classmethod
    def of(cls, features: Sequence[str], encoder: Encoder) -> Self:
        """Those of a network of these features."""
        sizes = encoder.sizes()
        nominals = tuple(name for name in features if name not in ORDINALS)
        ordinals = tuple(name for name in features if name in ORDINALS)
        words = WORDS if TEXT in features else ()
        # of sizes 9, 6 and 4 the first rows are 0, 9 and 15, and that of all words is 19
        *starts, end = accumulate((sizes[name] for name in (*nominals, *ordinals)), initial=0)
        rows = end + (sizes[words[0]] if words else 0)
        # an ordinal with n values has the codes 0 (unknown) to n, read as numbers from 0 to n - 1: the largest of these
        largest = tuple(max(sizes[name] - 2, 1) for name in ordinals)
        return cls(nominals, ordinals, words, (*starts, *[end] * len(words)), rows, largest)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.nominals, *self.ordinals, *self.words)

    def inputs(self, width: int) -> int:
        """How many numbers the first layer reads: each nominal's vector, one for all words, and the ordinals."""
        return width * (len(self.nominals) + bool(self.words)) + len(self.ordinals)

from dataclasses import replace

import pytest

from pipeline.data.csv_blocks import Block
from pipeline.data.csv_header import Header
from pipeline.inference.scoring import Counts, Scorer, load, loaded
from pipeline.inference.writers import CsvOutput
from tests.support.tables import HEADER, row, rows

NAMES = tuple(HEADER.split(","))
LINES = [*rows(9), row(company_size="XL"), "x", row(job_title="Bard")]
BLOCK = Block(2, "".join(f"{line}\n" for line in LINES).encode())


@pytest.fixture
def scorer(modelled):
    model = modelled.folder / "model"
    return Scorer(model, load(model)[1], NAMES, CsvOutput(Header(HEADER, NAMES)))


def test_a_block_has_a_piece_and_its_counts(scorer):
    scored = scorer(BLOCK)
    assert scored.piece.to_pybytes().count(b"\n") == 12
    assert (scored.counts.rows, scored.counts.problems, scored.counts.unknown, scored.size) == (
        12,
        2,
        1,
        len(BLOCK.text),
    )
    assert scored.counts.first_problem.startswith("company_size must be one of S, M, L, found 'XL'")


def test_counts_add_up_and_keep_the_first_problem():
    counts = Counts(1, 0, 1, "", ignored=("note",))
    counts.add(Counts(2, 1, 0, "one"))
    counts.add(Counts(3, 3, 3, "two"))
    assert counts == Counts(6, 4, 4, "one", ignored=("note",))


def test_a_bundle_that_is_another_one_meanwhile_is_refused(scorer):
    with pytest.raises(ValueError, match=r"model: the bundle must be one for all who predict .* found another bundle"):
        replace(scorer, facts=b"{}")(BLOCK)


def test_a_bundle_is_loaded_anew_for_each_table(scorer):
    before = loaded(scorer.model, scorer.facts)
    load(scorer.model)
    assert loaded(scorer.model, scorer.facts) is not before


def test_a_bundle_is_loaded_once_for_all_blocks_of_a_table(scorer):
    assert loaded(scorer.model, scorer.facts) is loaded(scorer.model, scorer.facts)

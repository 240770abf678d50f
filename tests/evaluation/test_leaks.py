from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.data import encoding
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, TARGET, WORDS
from pipeline.data.split import SPLITS, assign, row_hash
from pipeline.evaluation import leaks
from tests.conftest import prepare_settings
from tests.support.splits import in_blocks
from tests.support.tables import TITLES, batch, row, rows, table

RARE = row(job_title="Chief Test Rater", employee_residence="FJ", salary_in_usd=900_001)


def sorted_hashes(splits):
    """Each split's hashes in order, in blocks that leave no copies apart."""
    found = {}
    for name, columns in splits.items():
        hashes = np.sort(columns["row_hash"])
        blocks = np.split(hashes, np.searchsorted(hashes, np.unique(hashes)[20::20]))
        found[name] = [{"row_hash": block} for block in blocks]
    return found


def fitted(cleaned, chosen, *, target="standard"):
    """An encoder fitted on the chosen rows."""
    counts = {name: Counter(cleaned[name].take(chosen).to_pylist()) for name in (*FEATURES, TARGET)}
    return encoding.fit(counts, min_count=2, target=target)


@pytest.fixture(params=["standard", "minmax", "log1p"])
def prepared(request, stage):
    """What the prepare stage makes of a table: encoder and splits."""
    stage.run(table(rows(400)), min_count=2, target=request.param)
    return Encoder.read(stage.out / "encoder.json"), {
        name: {column: found[column].to_numpy() for column in found.column_names}
        for name in SPLITS
        for found in [pq.read_table(stage.out / f"{name}.parquet")]
    }


def test_what_prepare_makes_has_no_leak(prepared):
    encoder, splits = prepared
    leaks.check_splits(sorted_hashes(splits))
    leaks.check_encoder(encoder, in_blocks(splits["train"], 50), min_count=2)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_training_row_among_the_others_is_a_leak(prepared, split):
    _, splits = prepared
    splits[split]["row_hash"] = np.append(splits[split]["row_hash"], splits["train"]["row_hash"][:1])
    with pytest.raises(ValueError, match=f"must be in one split, found 1 of the {split} rows in train, too; run the"):
        leaks.check_splits(sorted_hashes(splits))


def test_a_validation_row_among_the_test_rows_is_a_leak(prepared):
    _, splits = prepared
    splits["test"] = splits["valid"]
    with pytest.raises(ValueError, match=rf"found {len(splits['valid'][TARGET])} of the test rows in valid, too"):
        leaks.check_splits(sorted_hashes(splits))


@pytest.mark.parametrize("column", ["salary", "salary_currency", "salary_in_usd", "target", "row_hash"])
def test_a_column_that_is_no_feature_is_a_leak(column):
    leaks.check_columns([*FEATURES, *WORDS])
    with pytest.raises(ValueError, match=f"features and words only, found {column}; take them out of the recipe"):
        leaks.check_columns(["work_year", column])


@pytest.mark.parametrize("kind", ["standard", "minmax", "log1p"])
def test_a_scaling_of_all_rows_is_a_leak(stage, kind):
    cleaned = batch([*rows(100), RARE])
    everything, some = np.arange(101), np.arange(100)
    train = fitted(cleaned, some).encode(cleaned.slice(0, 100)) | {TARGET: cleaned[TARGET].to_numpy()[:100]}
    leaks.check_encoder(fitted(cleaned, some, target=kind), [train], min_count=2)
    with pytest.raises(ValueError, match=r"the scaling's (center|scale) must be that of the training rows, .*, found"):
        leaks.check_encoder(fitted(cleaned, everything, target=kind), [train], min_count=2)


def leaking(cleaned, train, others):
    """The training rows in the codes of a vocabulary that was fitted on the others, too; the scaling is right."""
    encoder = Encoder(**{**vars(fitted(cleaned, np.append(train, others))), "scaling": fitted(cleaned, train).scaling})
    codes = encoder.encode(cleaned)
    return encoder, {name: column[train] for name, column in codes.items()} | {
        TARGET: cleaned[TARGET].to_numpy()[train]
    }


def test_a_value_of_other_rows_in_the_vocabulary_is_a_leak():
    cleaned = batch([*rows(100), row(employee_residence="FJ"), row(employee_residence="FJ")])
    encoder, train = leaking(cleaned, np.arange(100), [100, 101])
    with pytest.raises(
        ValueError, match="employee_residence must stand in 2 training rows to have a code, found 1 in fewer: FJ; run"
    ):
        leaks.check_encoder(encoder, [train], min_count=2)


def test_a_value_that_other_rows_make_frequent_enough_is_a_leak():
    cleaned = batch([*rows(100), row(company_location="FJ"), row(company_location="FJ")])
    encoder, train = leaking(cleaned, np.arange(101), [101])
    with pytest.raises(ValueError, match="company_location must stand in 2 training rows"):
        leaks.check_encoder(encoder, [train], min_count=2)


def test_a_title_word_of_other_rows_is_a_leak():
    cleaned = batch([*rows(100), row(job_title="Chief Taster"), row(job_title="Tea Taster")])
    encoder, train = leaking(cleaned, np.arange(100), [100, 101])
    assert encoder.vocabularies["job_title"] == tuple(sorted(TITLES))
    with pytest.raises(
        ValueError, match=r"the words of job_title must stand in 2 training rows .* found 1 in fewer: taster;"
    ):
        leaks.check_encoder(encoder, [train], min_count=2)


def test_words_count_once_per_title_and_only_where_they_have_a_slot():
    long = "One Two Three Four Five Six Seven"
    cleaned = batch(
        [*rows(50), row(job_title="Data Data Data"), row(job_title=f"{long}"), row(job_title=f"The {long}")]
    )
    train = np.arange(53)
    encoder = fitted(cleaned, train)
    assert {"one", "five"} <= set(encoder.words)
    assert not {"six", "seven"} & set(encoder.words)
    codes = encoder.encode(cleaned) | {TARGET: cleaned[TARGET].to_numpy()}
    leaks.check_encoder(encoder, [codes], min_count=2)
    with pytest.raises(ValueError, match="the words of job_title must stand in 41 training rows to have a code, found"):
        leaks.check_encoder(
            Encoder(dict.fromkeys(FEATURES, ()), encoder.words, encoder.scaling),
            [codes | {name: np.zeros(53, np.int16) for name in FEATURES}],
            min_count=41,
        )


def test_the_split_itself_keeps_copies_together():
    cleaned = batch([*rows(200), *rows(200)])
    hashes = row_hash(cleaned, salt="any")
    splits = assign(hashes, prepare_settings().split)
    found = {name: {"row_hash": hashes[splits == number]} for number, name in enumerate(SPLITS)}
    leaks.check_splits(sorted_hashes(found))


@pytest.mark.parametrize("sizes", [(1, 7), (7, 1), (3, 3), (50, 2)])
def test_shared_rows_are_counted_across_blocks_of_any_size(sizes):
    draw = np.random.default_rng(1)
    hashes = [np.unique(draw.integers(0, 60, 40, dtype=np.uint64)) for _ in sizes]
    pairs = zip(("train", "valid"), hashes, sizes, strict=True)
    splits = {name: in_blocks({"row_hash": each}, size) for name, each, size in pairs}
    shared = np.isin(hashes[1], hashes[0]).sum()
    assert 0 < shared < len(hashes[1])
    with pytest.raises(ValueError, match=f"found {shared} of the valid rows in train, too"):
        leaks.check_splits(splits)

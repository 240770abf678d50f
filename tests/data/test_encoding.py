from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from pipeline.data import encoding
from pipeline.data.encoder_fields import words_of
from pipeline.data.encoding import Encoder, Scaling, fit, fit_scaling
from pipeline.data.schema import FEATURES, LARGEST, SMALLEST, TARGET, WORDS
from tests.support.tables import batch, row, rows

TARGETS = st.integers(1, 10_000_000)


def counts(values):
    return {name: Counter(row[name] for row in values) for name in (*FEATURES, TARGET)}


def counts_of(lines):
    """How often each value stands in the lines."""
    return counts(batch(lines).to_pylist())


def fitted(lines, *, min_count=1, target="standard"):
    return fit(counts_of(lines), min_count=min_count, target=target)


def test_ordinals_have_their_natural_order_and_nominals_the_alphabets():
    vocabularies = fitted(rows(60)[::-1]).vocabularies
    assert list(vocabularies) == list(FEATURES)
    assert vocabularies["work_year"] == (2020, 2021, 2022, 2023)
    assert vocabularies["experience_level"] == ("EN", "MI", "SE", "EX")
    assert vocabularies["remote_ratio"] == (0, 50, 100)
    assert vocabularies["company_size"] == ("S", "M", "L")
    assert vocabularies["employee_residence"] == ("GB", "NA", "US")


def test_values_never_seen_are_unknown():
    encoder = fitted([row(job_title="Data Analyst", company_location="US")])
    codes = encoder.encode(batch([row(job_title="Quantum Bard", company_location="GB")]))
    assert codes["job_title"].tolist() == [0]
    assert codes["company_location"].tolist() == [0]
    assert codes["title_word_1"].tolist() == [0]


def test_values_and_title_words_seen_too_rarely_are_unknown():
    lines = [row(job_title="Data Scientist")] * 2 + [row(job_title="Data Engineer", company_size="L")] * 3
    encoder = fitted(lines, min_count=3)
    assert encoder.vocabularies["job_title"] == ("Data Engineer",)
    assert encoder.vocabularies["company_size"] == ("L",)
    assert encoder.words == ("data", "engineer")


def test_known_values_survive_encoding_and_decoding():
    clean = batch(rows(60))
    encoder = fitted(rows(60))
    codes = encoder.encode(clean)
    for name in FEATURES:
        assert codes[name].dtype == np.int16
        assert [encoder.vocabularies[name][code - 1] for code in codes[name]] == clean[name].to_pylist()


def test_title_words_have_codes_in_the_order_of_the_title():
    encoder = fitted([row(job_title="Lead ML/AI Engineer")])
    codes = encoder.encode(batch([row(job_title="AI Lead Bard Engineer")]))
    assert encoder.words == ("ai", "engineer", "lead", "ml")
    assert [int(codes[word][0]) for word in WORDS] == [1, 3, 0, 2, 0, 0]


def test_a_title_has_at_most_as_many_words_as_there_are_slots():
    encoder = fitted([row(job_title="a b c d"), row(job_title="e f g h")])
    codes = encoder.encode(batch([row(job_title="h g f e d c b a")]))
    assert [int(codes[word][0]) for word in WORDS] == [8, 7, 6, 5, 4, 3]


def test_a_word_counts_once_per_row():
    encoder = fitted([row(job_title="Data Data Data")], min_count=2)
    assert encoder.words == ()


@pytest.mark.parametrize(
    ("title", "words"),
    [("C++ / C# Dev", ["c++", "c#", "dev"]), ("R&D-Lead", ["r&d", "lead"]), ("(…)", []), ("AI", ["ai"])],
)
def test_title_words_are_lower_case_runs(title, words):
    assert words_of(title) == words


def test_sizes_count_the_unknown_code():
    encoder = fitted(rows(60))
    sizes = encoder.sizes()
    codes = encoder.encode(batch(rows(60)))
    assert list(sizes) == [*FEATURES, *WORDS]
    assert sizes["company_size"] == 4
    assert all(codes[name].max() < sizes[name] for name in sizes)


def test_json_keeps_the_whole_encoder():
    encoder = fitted(rows(60), target="log1p")
    assert Encoder.from_json(encoder.to_json()) == encoder
    assert Encoder.from_json(encoder.to_json()).to_json() == encoder.to_json()


def test_an_encoder_of_another_contract_is_refused():
    text = fitted(rows(9)).to_json()
    assert text.endswith('\n  "contract_version": 2\n}\n')
    with pytest.raises(ValueError, match="the encoder must be of data contract 2, found 99"):
        Encoder.from_json(text.replace('"contract_version": 2', '"contract_version": 99'))


def test_without_a_text_feature_there_are_no_words(monkeypatch):
    monkeypatch.setattr(encoding, "TEXT", "")
    monkeypatch.setattr(encoding, "WORDS", ())
    encoder = fitted(rows(60))
    assert encoder.words == ()
    assert list(encoder.sizes()) == list(encoder.encode(batch(rows(9)))) == list(FEATURES)


def test_json_in_a_file_keeps_letters_of_every_language(tmp_path):
    encoder = fitted([row(job_title="Head of Données 数据")])
    (tmp_path / "encoder.json").write_text(encoder.to_json(), encoding="utf-8")
    assert Encoder.read(tmp_path / "encoder.json") == encoder
    assert "Données 数据" in encoder.to_json()


@pytest.mark.parametrize("target", ["standard", "minmax", "log1p"])
def test_the_fit_knows_no_order_of_rows_and_no_blocks(target):
    values = batch(rows(40)).to_pylist()
    whole = fit(counts(values), min_count=2, target=target).to_json()

    @given(st.permutations(values), st.integers(0, 40))
    def the_same(shuffled, cut):
        first, second = counts(shuffled[:cut]), counts(shuffled[cut:])
        merged = {name: first[name] + second[name] for name in first}
        assert fit(merged, min_count=2, target=target).to_json() == whole

    the_same()


def test_no_training_row_is_an_error():
    with pytest.raises(ValueError, match="there must be a row to train on, found none"):
        fitted(["a broken line"])


def test_a_vocabulary_beyond_16_bits_is_an_error(monkeypatch):
    monkeypatch.setattr(encoding, "LARGEST_CODE", 3)
    with pytest.raises(ValueError, match="work_year: at most 3 values can have a code, found 4; raise min_count"):
        fitted(rows(60))


ORACLES = {
    "standard": lambda column: StandardScaler().fit_transform(column),
    "minmax": lambda column: MinMaxScaler().fit_transform(column),
    "log1p": lambda column: StandardScaler().fit_transform(np.log1p(column)),
}


@pytest.mark.parametrize("kind", ORACLES)
@given(targets=st.lists(TARGETS, min_size=1, max_size=50))
def test_normalised_units_are_those_of_scikit_learn(kind, targets):
    column = np.array(targets, np.float64)
    ours = fit_scaling(Counter(targets), kind=kind).normalise(column)
    np.testing.assert_allclose(ours, ORACLES[kind](column[:, None])[:, 0], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("kind", ORACLES)
@given(targets=st.lists(TARGETS, min_size=1, max_size=20), value=TARGETS)
def test_denormalise_inverts_normalise(kind, targets, value):
    scaling = fit_scaling(Counter(targets), kind=kind)
    assert scaling.denormalise(scaling.normalise(np.array(value))) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("kind", ORACLES)
def test_what_is_no_finite_number_has_no_target(kind):
    normalised = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38], np.float32)
    targets = Scaling(kind, 11.0, 0.5).denormalise(normalised).tolist()
    assert targets == pytest.approx([np.nan, np.nan, np.nan, LARGEST, SMALLEST], nan_ok=True)


@pytest.mark.parametrize("kind", ORACLES)
@pytest.mark.parametrize(("target", "rows"), [(150_000, 1), (50_003, 3), (50_000, 7)])
def test_a_constant_target_has_scale_1(kind, target, rows):
    assert fit_scaling({target: rows}, kind=kind).scale == 1.0


def test_the_target_is_encoded_in_both_units():
    encoder = Encoder({}, (), Scaling("standard", 100_000.0, 50_000.0))
    encoded = encoder.encode_target(batch([row(salary_in_usd=150_000), row(salary_in_usd=50_000)]))
    assert encoded["target"].tolist() == [1.0, -1.0]
    assert encoded[TARGET].tolist() == [150_000, 50_000]
    assert [encoded[name].dtype for name in ("target", TARGET)] == [np.float32, np.int32]


def test_no_rows_have_no_codes():
    assert all(len(codes) == 0 for codes in fitted(rows(9)).encode(batch(["a broken line"])).values())

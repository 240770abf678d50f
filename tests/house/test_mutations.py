"""Tables edited at random: no traceback, no record lost or answered twice, in predict and in training's reading."""

import csv
import io
import random

import pytest

from pipeline import predict
from pipeline.data.contract_report import ContractReport
from pipeline.data.csv_header import parse_header
from pipeline.data.raw_table import clean_blocks
from pipeline.data.schema import FEATURES
from pipeline.inference.answers import ANSWERS
from tests.support.mutations import mutated
from tests.support.skips import in_soak
from tests.support.tables import records_of

CAMPAIGN = [range(start, start + 500) for start in range(20, 2020, 500)]
SEEDS = pytest.mark.parametrize("seeds", [range(20), *in_soak(*CAMPAIGN)], ids=str)
NOTES = [b"", b"by phone", b'"told by phone,\nask again"', b'"a ""good"" one"', b'"\r\n"', b'5" screen']
AMOUNT, PROBLEM = ANSWERS.names[0], ANSWERS.names[-1]


def draw_table(seed, sample_table, *, note):
    """A header and some rows of the sample after random edits, perhaps with a column of notes, perhaps of CRLF."""
    draw = random.Random(seed)
    header, *lines = sample_table.read_bytes().splitlines()
    start = draw.randrange(len(lines) - 200)
    chosen = lines[start : start + draw.randint(1, 200)]
    if note:
        header, chosen = header + b",note", [line + b"," + draw.choice(NOTES) for line in chosen]
    end = draw.choice([b"\n", b"\r\n"])
    edits = draw.choice([1, 2, 5, 20])
    if draw.random() < 0.1:
        return mutated(end.join([header, *chosen]), seed=seed, edits=edits)
    return header + end + mutated(end.join(chosen), seed=seed, edits=edits)


def body_of(data):
    """What stands behind the first line."""
    return data.partition(b"\n")[2]


@SEEDS
def test_predict_answers_every_record_once_or_says_why_not(seeds, modelled, sample_table, tmp_path):
    for seed in seeds:
        check_predict(seed, modelled, sample_table, tmp_path)


def check_predict(seed, modelled, sample_table, tmp_path):
    data = draw_table(seed, sample_table, note=seed % 2)
    (tmp_path / "new.csv").write_bytes(data)
    options = {"model": modelled.folder / "model", "block_bytes": random.Random(seed).randint(1, 5000)}
    try:
        header = parse_header(data[: data.find(b"\n") + 1 or None], FEATURES, where="test")
    except ValueError:
        with pytest.raises(ValueError, match=r"new\.csv"):
            predict.run(tmp_path / "new.csv", out=tmp_path / "out.csv", **options)
        return
    counts = predict.run(tmp_path / "new.csv", out=tmp_path / "out.csv", **options)
    records = records_of(body_of(data))
    text = (tmp_path / "out.csv").read_bytes().decode()
    names, *found = csv.reader(io.StringIO(text, newline=""), strict=True)
    answers = [dict(zip(names[-len(ANSWERS.names) :], cells[-len(ANSWERS.names) :], strict=True)) for cells in found]
    assert len(found) == len(records) == counts.rows
    assert [bool(told[AMOUNT]) for told in answers] == [not told[PROBLEM] for told in answers]
    assert sum(bool(told[PROBLEM]) for told in answers) == counts.problems
    position = text.encode().index(b"\n")
    for record, told, cells in zip(records, answers, found, strict=True):
        if told[AMOUNT]:  # the record stands there byte for byte, behind all those before it
            position = text.encode().index(b"\n" + record + b",", position) + 1
            own = cells[: len(header.names)]
            assert own == next(csv.reader(io.StringIO(record.decode(), newline=""), strict=True))


@SEEDS
def test_training_keeps_every_record_or_puts_it_in_quarantine(seeds, sample_table, tmp_path):
    for seed in seeds:
        check_training(seed, sample_table, tmp_path)


def check_training(seed, sample_table, tmp_path):
    data = draw_table(seed, sample_table, note=False)
    (tmp_path / "raw.csv").write_bytes(data)
    report, size = ContractReport(), random.Random(seed).randint(1, 5000)
    kept, quarantine = [], []
    try:
        for block in clean_blocks(tmp_path / "raw.csv", report=report, max_bad_fraction=1.0, block_bytes=size):
            kept += block.rows.to_pylist()
            quarantine += block.quarantine.to_pylist()
    except ValueError:
        assert report.rows == 0
        return
    records = records_of(body_of(data))
    assert len(kept) + len(quarantine) == len(records) == report.rows
    assert len(quarantine) == report.quarantined == sum(bool(broken["reasons"]) for broken in quarantine)
    first_line = 2
    for record in records:
        if quarantine and quarantine[0]["line"] == first_line:
            assert quarantine.pop(0)["text"] == record.decode(errors="backslashreplace")
        first_line += record.count(b"\n") + 1
    assert not quarantine

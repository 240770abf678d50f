"""Bundles edited at random: refused clearly or answered to the last bit, by predict, explain, export and a night."""

import csv
import json
import shutil

import numpy as np
import pytest

from pipeline import explain, export, predict
from pipeline.data.clean import clean
from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.schema import COLUMNS, FEATURES, LARGEST, SMALLEST
from pipeline.inference.answers import ANSWERS, PROBLEM
from pipeline.model.bundle import FIX, Bundle
from pipeline.nights.compare import predicted
from tests.nights.test_champion import MODEL, find, record
from tests.support.bundle_edits import edit, with_new_hashes
from tests.support.models import make_bundle
from tests.support.skips import in_soak
from tests.support.tables import ROW, rows, table

LINES = rows(40)
CAMPAIGN = [range(start, start + 350) for start in range(20, 1420, 350)]
SEEDS = pytest.mark.parametrize("seeds", [range(20), *in_soak(*CAMPAIGN)], ids=str)
RECIPES = pytest.mark.parametrize("recipe", ["course", "full"])


class Users:
    """Those who load the bundle in the tree of a night: each gives its answer, or None if it refuses the bundle."""

    def __init__(self, folder):
        self.tree = folder / "tree"
        self.model, self.table, self.out = self.tree / MODEL, folder / "new.csv", folder / "out.csv"
        self.table.write_bytes(table(LINES))
        self.rows = clean(parse(Block(2, "\n".join(LINES).encode()), COLUMNS, keep=COLUMNS)).rows
        self.row = explain.read_row(json.dumps({name: ROW[name] for name in FEATURES}))

    def take(self, bundle):
        """Have this bundle, and nothing left of the one before."""
        shutil.rmtree(self.tree, ignore_errors=True)
        bundle.save(self.model)

    def predict(self):
        predict.run(self.table, model=self.model, out=self.out)
        return self.out.read_bytes()

    def explain(self):
        return explain.report(Bundle.load(self.model), self.row)

    def export(self):
        export.to_onnx(self.model, self.out.with_suffix(".onnx"))
        return self.out.with_suffix(".onnx").read_bytes()

    def night(self):
        champion = find(self.tree, record(self.tree))
        if champion.bundle is None:
            raise ValueError(champion.incomparable)
        return predicted(champion.bundle, self.rows).tobytes()

    def answers(self, *names):
        """The answers of these; None is a clear refusal."""
        found = {}
        for name in names:
            try:
                found[name] = getattr(self, name)()
            except ValueError as error:
                found[name], refusal = None, str(error)
                assert self.is_clear(refusal), refusal
        return found

    def is_clear(self, refusal):
        """Whether it says in which file what is wrong, in a few lines, and a way out."""
        where = str(self.model) in refusal or "must predict a finite number" in refusal
        return where and len(refusal) < 10_000 and (FIX in refusal or "train it with dvc repro" in refusal)


@RECIPES
@SEEDS
def test_an_edited_bundle_is_refused_by_all_or_answers_to_the_last_bit(recipe, seeds, modelled, tmp_path):
    users, bundle = Users(tmp_path), make_bundle(modelled.out, recipe=recipe)
    names = ("predict", "explain", "night", *(["export"] if len(seeds) > 20 else []))  # to write ONNX takes seconds
    users.take(bundle)
    right = users.answers(*names)
    assert None not in right.values()
    refused = dict.fromkeys(names)
    for seed in seeds:
        users.take(bundle)
        edit(users.model, seed=seed)
        found = users.answers(*names)
        assert found in (refused, right), seed
        if found == refused:
            assert users.answers("export") == {"export": None}, seed


@RECIPES
@SEEDS
def test_an_edited_bundle_with_new_hashes_is_refused_or_keeps_the_contract(recipe, seeds, modelled, tmp_path):
    users, bundle = Users(tmp_path), make_bundle(modelled.out, recipe=recipe)
    for seed in seeds:
        users.take(bundle)
        edit(users.model, seed=seed)
        with_new_hashes(users.model)
        found = users.answers("predict", "explain", "night")
        assert (found["predict"] is None) == (found["night"] is None), seed
        if found["predict"] is not None:
            check_contract(found["predict"].decode())
            night = np.frombuffer(found["night"])
            assert ((night >= SMALLEST) & (night <= LARGEST) | np.isnan(night)).all(), seed


def check_contract(text):
    """Each row has amounts in order and within the bounds, or a problem."""
    for row in csv.DictReader(text.splitlines()):
        value, low_80, high_80, low_95, high_95 = (row[name] for name in ANSWERS.names[:5])
        assert bool(value) != bool(row[PROBLEM])
        if value:
            order = [int(number) for number in (low_95, low_80, value, high_80, high_95)]
            assert [SMALLEST, *order, LARGEST] == sorted([SMALLEST, *order, LARGEST])

"""The schema alone names columns, the target and its unit: what scores and reports a model serves any table."""

import re

import pytest

from pipeline.data import schema
from tests.support.work_tree import ROOT

WORDS = {*schema.COLUMNS, *schema.WORDS, schema.NOUN, schema.PLURAL, schema.UNIT, schema.SUFFIX, schema.HASH, "dollars"}
PATTERNS = ("evaluate.py", "report.py", "results.py", "evaluation/*.py", "reporting/*.py")
FILES = sorted(path for pattern in PATTERNS for path in (ROOT / "pipeline").glob(pattern))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "pipeline")))
def test_a_file_names_no_column_and_no_unit(file):
    text = file.read_text(encoding="utf-8")
    # of the word usd: `rmse_usd`, `mse_usd2` and `USD`, but not a word that it is a part of
    assert not [word for word in WORDS if re.search(rf"(?<![A-Za-z]){word}(?![A-Za-z])", text)]

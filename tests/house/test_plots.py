"""What dvc.yaml says of the plots: it names no column of the target, and every column that it means exists."""

import csv
import re

from ruamel.yaml import YAML

from pipeline.data import schema
from tests.support.work_tree import ROOT

TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")


def plots():
    """The plots with the schema's words in place of the variables, as DVC puts them there."""
    text = re.sub(r"\$\{([A-Z_]+)\}", lambda name: getattr(schema, name[1]), TEXT)
    return [settings for plot in YAML(typ="safe").load(text)["plots"] for settings in plot.values()]


def test_dvc_reads_the_words_that_the_plots_use_from_the_schema():
    ((file, names),) = (variable.split(":") for variable in YAML(typ="safe").load(TEXT)["vars"])
    assert file == "pipeline/data/schema.py"
    assert set(names.split(",")) == set(re.findall(r"\$\{([A-Z_]+)\}", TEXT))


def test_every_column_of_a_plot_is_one_of_its_file(trained):
    for plot in plots():
        for file, columns in plot["y"].items():
            with (trained / file).open(encoding="utf-8", newline="") as lines:
                header = next(csv.reader(lines))
            assert {plot["x"], *([columns] if isinstance(columns, str) else columns)} <= set(header), file


def test_no_word_of_the_schema_stands_in_the_plots_themselves():
    section = TEXT.split("\nplots:\n")[1]
    words = {*schema.COLUMNS, schema.UNIT, schema.SUFFIX, schema.NOUN, schema.PLURAL, schema.TARGET}
    assert not [word for word in words if re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", section)]

"""Stage 4: the metrics files → one report for people, as Markdown and as a page that needs no network."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.reporting.html import html as to_html
from pipeline.reporting.run_results import read_facts
from pipeline.reporting.summary import markdown as to_markdown
from pipeline.runtime.lifetime import end_with_parent


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="folder of the metrics and the plots' data")
    parser.add_argument("--lock", type=Path, required=True, help="the packages' lock, which the report names by hash")
    parser.add_argument("--markdown", type=Path, required=True, help="the report as Markdown")
    parser.add_argument("--page", type=Path, required=True, help="the report as a page")
    arguments = vars(parser.parse_args(argv))
    end_with_parent()
    try:
        recipes = {name: params.load(params.Recipe, "recipes", name) for name in params.recipe_names()}
        run(recipes, data=Path(params.load(params.Data, "data").path), **arguments)
    except FileNotFoundError as error:
        sys.exit(f"report: {error.filename} must be there, found none; run dvc repro, which makes it")
    except (OSError, ValueError) as error:
        sys.exit(f"report: {error}")


def run(
    recipes: dict[str, params.Recipe], *, metrics: Path, data: Path, lock: Path, markdown: Path, page: Path
) -> None:
    """Read the facts, write both reports."""
    facts = read_facts(metrics, recipes, data=data, lock=lock)
    texts = {markdown: to_markdown(facts), page: to_html(facts)}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Stage 4: the metrics files → one report for people, as Markdown and as a page that needs no network."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline import params
from pipeline.data.remote import Place, place_of
from pipeline.data.schema import FEATURES
from pipeline.reporting import html
from pipeline.reporting import markdown as md
from pipeline.reporting.run_results import read_results, stages_of_results
from pipeline.repository.freshness import changed_stages
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import WAY_BACK, command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.errors import RuleError
from pipeline.runtime.lifetime import end_with_parent


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = command_parser("report", __doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="folder of the metrics and the plots' data")
    parser.add_argument("--lock", type=Path, required=True, help="the packages' lock, which the report names by hash")
    parser.add_argument("--markdown", type=Path, required=True, help="the report as Markdown")
    parser.add_argument("--page", type=Path, required=True, help="the report as a page")
    arguments = parser.parse_args(argv)
    end_with_parent()
    with command("report", advice=WAY_BACK):
        params.check(FEATURES)
        recipes = {name: params.load(params.Recipe, "recipes", name) for name in params.recipe_names()}
        check_up_to_date(recipes)
        run(
            recipes,
            metrics=arguments.metrics,
            data=place_of(params.load(params.Data, "data").path),
            lock=arguments.lock,
            markdown=arguments.markdown,
            page=arguments.page,
        )


def check_up_to_date(recipes: Iterable[str]) -> None:
    """Refuse to report what is not of today's table, code and settings: dvc repro has recorded all of it before.

    Raises: RuleError, which names the stages.
    """
    if changed := changed_stages(stages_of_results(recipes), folder=Path()):
        rule, found = "must be of today's table, code and settings", f"other ones of {', '.join(changed)}"
        raise RuleError("what is reported", rule=rule, found=found, fix="run dvc repro, which runs these stages first")


def run(
    recipes: Mapping[str, params.Recipe], *, metrics: Path, data: Place, lock: Path, markdown: Path, page: Path
) -> None:
    """Read the results, write both reports."""
    results = read_results(metrics, recipes, data=data, lock=lock)
    with drafts() as draft_of:
        for path, text in {markdown: md.report(results), page: html.page(results)}.items():
            draft_of(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The whole pipeline on tables of the real survey: `python -m benchmarks.weeks FOLDER`.

Prints a table of docs/quality.md. Each dated CSV file is one `dvc exp run -S data.path=FILE` in a temporary clone,
nothing else changed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.data.schema import in_unit
from pipeline.reporting.run_results import read_metrics
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command

RECIPES = ("course", "full")


def main() -> None:
    """Choose evenly spaced files and the last one, run each, print one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--tables", type=whole(1), default=11, help="how many of them")
    arguments = parser.parse_args()
    with command("benchmarks.weeks"):
        files = sorted(arguments.folder.resolve().glob("*.csv"))
        steps = max(arguments.tables - 1, 1)
        chosen = [files[(len(files) - 1) * step // steps] for step in range(steps + 1)]
        print("| table | rows | training mean | cell mean | course | **full** | full, R² |")
        print("|---|---|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["git", "clone", "--quiet", ".", folder], check=True)
            for file in chosen:
                experiment = [sys.executable, "-m", "dvc", "exp", "run", "--set-param", f"data.path={file}"]
                subprocess.run(experiment, cwd=folder, check=True, stdout=sys.stderr)
                print(line(file, Path(folder)), flush=True)


def line(file: Path, folder: Path) -> str:
    """One row of the table: the RMSE on the test rows, in the target's unit."""
    prepared = json.loads((folder / "metrics/prepare.json").read_text(encoding="utf-8"))
    course, full = (read_metrics(folder / "metrics", name) for name in RECIPES)
    mean, cell_mean, rmse = map(in_unit, ("test_mean_rmse", "test_cell_mean_rmse", "test_rmse"))
    scores = [full[mean], full[cell_mean], course[rmse]]
    cells = [file.stem, f"{prepared['rows']:,}", *(f"{score:,.0f}" for score in scores)]
    return f"| {' | '.join(cells)} | **{full[rmse]:,.0f}** | {full['test_r2']:.3f} |"


if __name__ == "__main__":
    main()

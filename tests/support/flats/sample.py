"""Write a synthetic table of flats: `python -m pipeline.sample`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.runtime.command import command

RENT_PER_M2 = {"Altstadt": 19, "Hafen": 16, "Nordend": 13, "Weinberg": 15}
CONDITIONS = {"old": 0.85, "renovated": 1.0, "new": 1.2}


def generate(rows: int, *, seed: int) -> pd.DataFrame:
    """So many flats; the same arguments give the same table."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"district": random.choice(list(RENT_PER_M2), rows), "rooms": random.integers(1, 6, rows)})
    table["area_in_m2"] = table["rooms"] * 20 + random.integers(5, 25, rows)
    table["condition"] = random.choice(list(CONDITIONS), rows)
    rent = table["area_in_m2"] * table["district"].map(RENT_PER_M2) * table["condition"].map(CONDITIONS)
    table["rent_in_eur"] = (rent * random.uniform(0.8, 1.25, rows)).astype(int)
    return table


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True, help="how many rows, at least 1")
    parser.add_argument("--seed", type=int, required=True, help="which table; the same arguments give the same bytes")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write, in a folder that exists")
    arguments = parser.parse_args(argv)
    with command("sample"):
        generate(arguments.rows, seed=arguments.seed).to_csv(arguments.out, index=False)


if __name__ == "__main__":
    main()

"""Where a path leads to: a commit may hold links by which writing would leave the repository."""

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.runtime.errors import RuleError

LINK = "120000 "  # the mode of a symbolic link in git, as in `120000 3f786850e3 0<tab>data/raw`


def links(listed: Iterable[str]) -> list[str]:
    r"""The paths of the links among entries of `git ls-files --stage -z`.

    >>> links(["100644 3f786850e3 0\tdvc.yaml", "120000 89e6c98d92 0\tdata/raw"])
    ['data/raw']
    """
    return [entry.partition("\t")[2] for entry in listed if entry.startswith(LINK)]


def check_inside(repository: Path, paths: Iterable[Path]) -> None:
    """Refuse paths that do not stay in the repository, or lead into its `.git`, whatever links they pass.

    Raises: RuleError, which names the first.
    """
    top = repository.resolve()
    for path in paths:
        target = Path(os.path.realpath(path))  # also of a link in a circle, or to nothing
        if not target.is_relative_to(top) or ".git" in target.relative_to(top).parts:
            rule = "must stay in the project, as it may be written to"
            fix = "put a folder or a file of its own in its place, and commit"
            raise RuleError(os.path.relpath(path, repository), rule=rule, found=f"that it leads to {target}", fix=fix)

"""Paths for the C++ compiler's command line, which torch writes without quoting all of them and then cuts into words.

The folder of torch's libraries is quoted for it; that of compiled code is reached by a link; others are refused.
Source: CppBuilder in torch/_inductor/cpp_builder.py, torch 2.13.
"""

import os
import re
import shlex
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

CACHE = "TORCHINDUCTOR_CACHE_DIR"
BREAKS_WORDS = re.compile(r"[\s'\"\\]")  # where shlex.split cuts, or what it takes away: `my project`, `it's`, `a\b`


def require_whole_words(compiler: str) -> None:
    """Raise ValueError if the command line would break the path of the compiler, of Python or of temporary files."""
    for what, path, fix in (
        ("a C++ compiler", compiler, "name one by CXX"),
        ("a Python", sysconfig.get_config_var("LIBDIR") or "", "install it"),
        ("temporary files", tempfile.gettempdir(), "set TMPDIR"),
    ):
        if BREAKS_WORDS.search(path):
            raise ValueError(
                f"engine: compiled needs {what} with no space, quote or backslash in the path, found {path};"
                f" {fix} without them, or choose engine: eager"
            )


@contextmanager
def quoted_torch_libraries() -> Iterator[None]:
    """While the block runs, what torch compiles finds torch's libraries, whatever the path of their folder."""
    extension: Any = import_module("torch.utils.cpp_extension")  # not above: only a compilation needs it
    folder = extension.TORCH_LIB_PATH
    extension.TORCH_LIB_PATH = shlex.quote(folder)
    try:
        yield
    finally:
        extension.TORCH_LIB_PATH = folder


@contextmanager
def linked_cache() -> Iterator[None]:
    """While the block runs, a folder of compiled code whose path breaks is reached by a link that nobody can change."""
    folder = os.environ.get(CACHE, "")
    if not BREAKS_WORDS.search(folder):
        yield
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="salary-pipeline-") as private:
        link = Path(private) / "compiled"
        link.symlink_to(folder)
        os.environ[CACHE] = str(link)
        try:
            yield
        finally:
            os.environ[CACHE] = folder

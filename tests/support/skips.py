"""What does not run: cases left to `make soak`, and skips with what would run them, told at the end of the tests."""

import shutil
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from pipeline.model.reproducible import torch


def reason(lack: str, *, to_run: str) -> str:
    """The reason of a skip.

    >>> reason("no Chromium is installed", to_run="apt-get install chromium")
    'no Chromium is installed; to run it: apt-get install chromium'
    """
    return f"{lack}; to run it: {to_run}"


def summary(reports: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each reason, with the number of tests that were skipped for it, the most first."""
    places = [report.longrepr for report in reports if isinstance(report.longrepr, tuple)]
    reasons = Counter(said.removeprefix("Skipped: ") for _, _, said in places)
    return [f"skipped {count}: {said}" for said, count in reasons.most_common()]


def in_soak(*cases: Any) -> list[Any]:
    """Cases of a parametrized test that `make soak` adds; each is a value, or a tuple of values."""
    return [pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.soak) for case in cases]


needs_a_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason=reason("no C++ compiler is installed", to_run="apt-get install g++")
)
needs_avx2 = pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx2"),
    reason=reason("the CPU has no AVX2", to_run="a machine with an x86-64 CPU since 2013"),
)

"""A reproducible batch pipeline that trains a regression of data-science salaries.

`from pipeline import Model` loads a trained model; importing the package alone is cheap. What type checkers see of it
stands in __init__.pyi.
"""

import importlib
import sys

__all__ = ["Model"]

if sys.argv[:1] == ["-m"]:  # `python -m pipeline.train` has come to this package, and imports for seconds from here on
    from pipeline.runtime.blas import use_one_blas_thread
    from pipeline.runtime.interrupts import end_at_once_if_interrupted

    end_at_once_if_interrupted()
    use_one_blas_thread()


def __getattr__(name: str) -> object:
    if name in __all__:  # no import statement: the stages import this package, and depend on what it imports
        return vars(importlib.import_module("pipeline.inference.model"))[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

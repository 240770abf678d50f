"""A reproducible batch pipeline that trains a regression of data-science salaries."""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m pipeline.train` has come to this package, and imports for seconds from here on
    from pipeline.runtime.interrupts import end_at_once_if_interrupted

    end_at_once_if_interrupted()

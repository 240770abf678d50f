"""numpy's matrix products on one thread: commands compute in threads of their own, on all cores."""

import os


def use_one_blas_thread() -> None:
    """Have numpy, which must not be imported yet, multiply on one thread, unless the environment says how many.

    OpenBLAS, which numpy's wheels have, would start a thread per core, and those that wait for work spin: that was a
    fifth of the processor time of `predict`.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

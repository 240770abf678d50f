"""numpy's matrix products on one thread: commands compute in threads of their own, on all cores."""

import os


def use_one_blas_thread() -> None:
    """Have numpy, which must not be imported yet, multiply on one thread, here and in processes that this one starts.

    OPENBLAS_NUM_THREADS says otherwise if it is set. OpenBLAS, which numpy's wheels have, would start a thread per
    core, and those that wait for work spin: that was a fifth of the processor time of `predict`.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

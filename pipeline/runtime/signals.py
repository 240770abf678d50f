"""Signals that end a command as ctrl-C does, so that it clears away its processes and temporary folders."""

import signal


def end_as_ctrl_c_does() -> None:
    """From now on SIGTERM and a closed terminal raise KeyboardInterrupt."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has set it to be ignored, and that is to stay
            signal.signal(number, signal.default_int_handler)

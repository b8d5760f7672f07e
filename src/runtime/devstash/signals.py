"""Exceptions of the script's own signal handlers, which may strike while we are at work."""

from __future__ import annotations

import sys


def let_through(error: BaseException) -> None:
    """Raise what a signal handler of the script raised while we were at work: it only passes through us.

    A time limit by `signal.alarm` is such an exception. What we make of it on the way has it as its cause.
    """
    signal = sys.modules.get("signal")
    trace = error.__traceback__
    if signal is None or (error.__cause__ is None and (trace is None or trace.tb_next is None)):
        return  # whoever caught it has called what raised it, and that was written in C
    handlers = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()} - {None}
    raised: BaseException | None = error
    while raised is not None:
        trace = raised.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code in handlers:
                context = raised.__context__
                try:
                    raise raised.with_traceback(trace)
                finally:
                    raised.__context__ = context  # and not ours, which it caused
                    del error, raised, trace, context  # it holds this frame, which must not hold it in turn
            trace = trace.tb_next
        raised = raised.__cause__

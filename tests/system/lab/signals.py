"""Ending in order: the first INT, TERM or HUP becomes KeyboardInterrupt, later ones are ignored while that cleans up."""

import signal

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(number, _frame):
    for s in _ENDING:
        signal.signal(s, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def end_in_order():
    for s in _ENDING:
        signal.signal(s, _stop)

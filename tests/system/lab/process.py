"""Processes of the lab: short commands, daemons with a log, waiting for something to become true."""

import os
import signal
import subprocess
import time
from pathlib import Path

# The last core is the worker's of gateway A, the one before it B's (of two cores B gets the first); everything else
# (peers, traffic, sniffers, the lab) shares what is left, on a small machine the first.
_CORES = os.cpu_count()
WORKER_CORES = {'a': _CORES - 1, 'b': _CORES - 2 if _CORES > 1 else 0}
EVERYTHING_ELSE = f'0-{max(0, _CORES - 3)}'


class LabError(Exception):
    """Something in the lab did not happen as it should. The text says what, for a person who reads only that."""


class Skip(Exception):
    """This machine cannot run the test: "needs hardware: ..." or "needs kernel feature: ..."."""


def run(*command, timeout=30, check=True, netns=None, env=None):
    """Runs a short command and returns its CompletedProcess with text output, stderr within stdout."""
    words = [str(w) for w in command]
    if netns:
        words = ['ip', 'netns', 'exec', str(netns), *words]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, env=dict(os.environ, **(env or {})), errors='replace')
    except subprocess.TimeoutExpired as expired:
        said = expired.output.decode(errors='replace') if isinstance(expired.output, bytes) else expired.output or ''
        raise LabError(f'no end after {timeout} s: {" ".join(words)}\n{said[-2000:]}') from None
    if check and done.returncode:
        raise LabError(f'exit status {done.returncode}: {" ".join(words)}\n{done.stdout[-2000:]}')
    return done


def wait_until(condition, what, timeout=10.0, interval=0.02):
    """Polls until condition() is true and returns its value; LabError names `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f'not after {timeout:g} s: {what}')
        time.sleep(interval)


def tail(path, lines=20):
    try:
        return Path(path).read_text(errors='replace').splitlines()[-lines:]
    except OSError:
        return []


class Daemon:
    """A long-running process, with its output in a log that survives restarts of it."""

    def __init__(self, name, command, log, *, netns=None, env=None, cores=EVERYTHING_ELSE):
        self.name, self.log, self.pid = name, Path(log), None
        words = [str(w) for w in command]
        if cores is not None:
            words = ['taskset', '-c', cores, *words]
        if netns:
            words = ['ip', 'netns', 'exec', str(netns), *words]
        self._words, self._env, self._popen = words, env or {}, None

    def start(self, extra=()):
        """Starts it, with `extra` words at the end of its command this time."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, 'ab') as out:
            # A session of its own: a Ctrl-C at the terminal reaches the lab alone, which then stops things in order.
            self._popen = subprocess.Popen([*self._words, *map(str, extra)], stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=subprocess.STDOUT, env=dict(os.environ, **self._env), start_new_session=True)
        self.pid = self._popen.pid
        return self

    def running(self):
        return self._popen is not None and self._popen.poll() is None

    def check(self):
        """LabError, with the log's last lines, where it has ended by itself."""
        if not self.running():
            status = self._popen.returncode if self._popen else 'never started'
            raise LabError(f'{self.name} has ended ({status}):\n  ' + '\n  '.join(tail(self.log)))

    def signal(self, number):
        if self.running():
            self._popen.send_signal(number)

    def wait(self, timeout):
        """Its exit status, or None when it has not ended in time."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout=10):
        """Asks it to end; kills it after `timeout` seconds. Returns the exit status, None when it had to be killed."""
        if self._popen is None:
            return 0
        self.signal(signal.SIGTERM)
        status = self.wait(timeout)
        if status is None:
            self.kill()
        return status

    def kill(self):
        """kill -9."""
        if self._popen is not None:
            self.signal(signal.SIGKILL)
            self._popen.wait(10)

"""The lab: owns namespaces, processes and logs of one scenario, and takes all of it away again."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from .net import Namespace
from .process import LabError, tail

# Short, because UNIX socket paths are; private to this run of the platform.
WORK_PARENT = Path('/run/culvert-lab')


class Lab:
    """with Lab(log folder) as lab: ...    Everything made through it ends with it, in reverse order, whatever happens."""

    def __init__(self, logs, verbose=False):
        if not os.environ.get('CULVERT_INSIDE'):
            raise LabError('runs on the platform only: tools/run, tools/test or tools/demo')
        self.source = Path(os.environ['CULVERT_SRC'])
        self.programs = self.source / 'build' / os.environ.get('CULVERT_TREE', 'release') / 'bin'
        self.logs = Path(logs)
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        WORK_PARENT.mkdir(exist_ok=True)
        self.work = Path(tempfile.mkdtemp(dir=WORK_PARENT))
        self.work.chmod(0o755)                # culvert-ike is not root once started
        self._closers, self._kept_logs, self._verbose = [], [], verbose
        self.kept = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.kept:
            self.close()

    def on_close(self, action):
        """Registers an action for the end; later ones run first."""
        self._closers.append(action)

    def problems(self):
        """What the logs show although nothing failed: a sanitizer's report, a failed check of a program of ours."""
        found = []
        for path in self.logs.glob('*.log'):
            match = re.search(r'.*(Sanitizer|runtime error:|Check failed|CHECK failed|stack smashing).*',
                              path.read_text(errors='replace'))
            if match:
                found.append(f'{path.name}: {match[0][:200]}')
        return found

    def close(self):
        problems = []
        while self._closers:
            action = self._closers.pop()
            try:
                action()
            except Exception as error:       # the rest must be taken away all the same
                problems.append(f'{getattr(action, "__qualname__", action)}: {error}')
        for path, name in self._kept_logs:
            if path.exists():
                shutil.copyfile(path, self.logs / name)
        shutil.rmtree(self.work, ignore_errors=True)
        for problem in problems:
            print(f'lab: clean-up: {problem}', file=sys.stderr)

    def namespace(self, name, ipv6=True):
        ns = Namespace(name, ipv6)
        self.on_close(ns.close)
        return ns

    def log(self, name):
        return self.logs / name

    def keep_log(self, path, name):
        """A log that a program writes in its work folder: copied to the logs at the end."""
        if (Path(path), name) not in self._kept_logs:
            self._kept_logs.append((Path(path), name))

    def note(self, text):
        with open(self.log('notes'), 'a') as notes:
            print(text, file=notes)
        if self._verbose:
            print(f'  {text}', flush=True)

    def log_tails(self, lines=12):
        """The last lines of every log, for a failure's report."""
        text = ''
        paths = [p for p in self.logs.iterdir() if p.suffix not in ('.pcap', '.tcpdump', '.json')]
        for path, name in [(p, p.name) for p in sorted(paths)] + self._kept_logs:
            last = tail(path, lines)
            if last:
                text += f'--- {name}\n' + ''.join(f'    {line[:300]}\n' for line in last)
        return text

#!/usr/bin/env python3
"""run_tests.py [SUITE...]: builds what the suites need and runs them; called by tools/test, on the platform.

Suites of compiled tests are what the build files declare (`suite: 'unit'`); suites of system tests are the modules
tests/system/*.py that name one (`SUITE = 'forward'`); a suite may be both. Single cases are counted where the test tells
them. A test that asks to be skipped counts as failed unless it names hardware or a kernel feature this machine lacks, or the
peer that is not in Debian 13 (tools/lib/newer_root.sh): all else can be installed.
"""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import build

LOGS = build.SRC / 'build' / 'test-logs'
SYSTEM = build.SRC / 'tests' / 'system'

# In which trees a suite runs. A tree builds only what is named here: compiling is most of the time on a new machine, so what
# gains nothing from being optimised runs under a sanitizer alone.
TREES_OF = {
    'unit': ['asan'],
    'vectors': ['asan'],
    'channel': ['asan'],
    'channel-hostile': ['asan'],
    'rings': ['tsan'],
    'policy': ['asan'],
    'fuzz-replay': ['asan'],
    'hostile-ikev2': ['asan'],
    'hostile-ikev1': ['asan'],
    'router': ['asan'],
    'offload': ['asan'],
    'workers': ['asan', 'tsan'],
    'hostile-dataplane': ['asan'],
    'sa-removal': ['release', 'asan', 'tsan'],
    'esp-reference': ['release', 'asan'],
    'sim-ikev2': ['release', 'asan'],
    'sim-ikev1': ['release', 'asan'],
}
# Of their suites, these alone are run where they are optimised too, for there they try many times as many seeds and places. The
# rest shows under the sanitizers all that it would show there.
SEEDED = {'sim-ikev2': {'sim-ikev2-seeds', 'memory'}, 'sim-ikev1': {'sim-ikev1-seeds'}}
# Tests long enough to be dealt out to the processors, in so many parts.
SHARDS = {'sim-ikev2': 2}
# What needs nothing but the processor: run beside the system tests, which mostly wait, at a priority that leaves these theirs.
ASIDE = {'vectors', 'policy', 'fuzz-replay', 'router', 'offload', 'workers', 'esp-reference', 'hostile-dataplane', 'sa-removal',
         'hostile-ikev2', 'hostile-ikev1', 'sim-ikev2', 'sim-ikev1'}
ASIDE_SLOWDOWN = 4
# By what they build upon. System suites come first: the sanitizer trees are built beside them.
ORDER = ['unit', 'vectors', 'channel', 'rings', 'channel-hostile', 'policy', 'fuzz-replay', 'router', 'offload', 'workers',
         'esp-reference', 'hostile-dataplane', 'sa-removal', 'hostile-ikev2', 'hostile-ikev1', 'sim-ikev2', 'sim-ikev1', 'lab',
         'forward', 'interop-dataplane', 'interop-ikev2', 'interop-ikev1', 'flood-ikev2', 'restart']
MAY_LACK = re.compile(r'needs (hardware|kernel feature|strongSwan 6\.1): ')

SANITIZER_ENV = {
    'ASAN_OPTIONS': 'abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
    'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1',
}


@dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list = field(default_factory=list)   # one line each, for the summary

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.problems += other.problems


def say(text):
    print(text, flush=True)


# ---- compiled tests ----

def suites_of(test):
    return [name.split(':')[-1] for name in test['suite']]


def compiled_tests(tree):
    build.configure(tree)
    return build.introspect(tree, 'tests')


def build_for(tree, tests, programs=False, aside=False):
    """Builds what the tests depend on and, for the system suites, the programs."""
    targets = build.introspect(tree, 'targets')
    needed = {d for test in tests for d in test['depends']}
    wanted = {os.path.relpath(f, build.folder(tree)) for t in targets for f in t['filename']
              if t['id'] in needed or programs and build.is_program(t)}
    if wanted:
        build.build(tree, sorted(wanted), aside)


def gtest_outcome(report, name):
    """What a gtest report (JSON) says, case by case."""
    outcome = Outcome()
    for suite in json.loads(report.read_text())['testsuites']:
        for case in suite['testsuite']:
            title = f'{name}: {suite["name"]}.{case["name"]}'
            if case.get('failures'):
                outcome.failed += 1
                outcome.problems.append(title)
            elif case['result'] == 'SKIPPED':
                reasons = ' '.join(s.get('message', '') for s in case.get('skipped', []))
                outcome.add(skipped(title, reasons))
            elif case['result'] == 'COMPLETED':
                outcome.passed += 1
    return outcome


def skipped(title, reason):
    if MAY_LACK.search(reason):
        return Outcome(skipped=1)
    return Outcome(skipped=1, failed=1, problems=[f'{title}: skipped: {reason.strip() or "no reason given"}'])


def run_compiled(test, suite, tree, shard, aside=False):
    shards = SHARDS.get(test['name'], 1)
    part = f'-{shard + 1}' if shards > 1 else ''
    name = f'{suite}/{test["name"]}{part} ({tree})'
    stem = LOGS / suite / f'{test["name"].replace("/", "_")}{part}-{tree}'
    stem.parent.mkdir(parents=True, exist_ok=True)
    log, report = stem.with_suffix('.log'), stem.with_suffix('.json')
    report.unlink(missing_ok=True)
    command = list(test['cmd'])
    if test['protocol'] == 'gtest':
        command.append(f'--gtest_output=json:{report}')
    if aside:
        command = ['nice', '-n', '19', *command]
    if tree == 'tsan':
        command = ['setarch', '-R', *command]    # the sanitizer's shadow memory has no place under a randomised layout
    env = dict(os.environ, CULVERT_SRC=str(build.SRC), **(SANITIZER_ENV if tree != 'release' else {}))
    if shards > 1:
        env.update(GTEST_TOTAL_SHARDS=str(shards), GTEST_SHARD_INDEX=str(shard))
    if isinstance(test['env'], dict):
        env.update(test['env'])
    start = time.monotonic()
    limit = time_limit(test, tree) * (ASIDE_SLOWDOWN if aside else 1)
    with open(log, 'wb') as out:
        try:
            code = subprocess.run(command, cwd=test['workdir'] or build.folder(tree), env=env, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=subprocess.STDOUT, timeout=limit).returncode
        except subprocess.TimeoutExpired:
            out.write(f'\nstopped after {limit} s\n'.encode())
            code = -1
    outcome = judge(name, code, report, log)
    counts = f'{outcome.passed} passed' + (f', {outcome.failed} failed' if outcome.failed else '')
    say(f'{"FAIL" if outcome.failed else "ok  "} {name}: {counts}, {time.monotonic() - start:.1f} s')
    if outcome.failed:
        say('     ' + '\n     '.join(tail(log, 40)) + f'\n     log: {log}')
    return outcome


def time_limit(test, tree):
    return (test['timeout'] or 600) * (1 if tree == 'release' else 4)


def judge(name, code, report, log):
    if report.exists():
        try:
            outcome = gtest_outcome(report, name)
        except (ValueError, KeyError) as error:
            return Outcome(failed=1, problems=[f'{name}: unreadable report: {error}'])
        # A sanitizer speaks up at exit, after every case has passed; so does a crash in a destructor.
        if code and not outcome.failed:
            outcome.add(Outcome(failed=1, problems=[f'{name}: exit status {code}']))
        elif not (outcome.passed + outcome.failed + outcome.skipped):
            outcome.add(Outcome(failed=1, problems=[f'{name}: no case ran']))
        return outcome
    if code == 77:
        return skipped(name, '\n'.join(tail(log, 3)))
    return Outcome(passed=1) if code == 0 else Outcome(failed=1, problems=[f'{name}: exit status {code}'])


def tail(path, lines):
    return path.read_text(errors='replace').splitlines()[-lines:]


def run_compiled_suite(suite, by_tree, aside=False):
    say(f'---- {suite}{" (aside)" if aside else ""}')
    outcome = Outcome()
    mine = [(test, tree, shard) for tree, tests in by_tree.items() for test in tests if suite in suites_of(test)
            for shard in range(SHARDS.get(test['name'], 1))]
    together = [(test, tree, shard) for test, tree, shard in mine if test['is_parallel']]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda one: run_compiled(one[0], suite, *one[1:], aside), together):
            outcome.add(done)
    for test, tree, shard in mine:
        if not test['is_parallel']:
            outcome.add(run_compiled(test, suite, tree, shard, aside))
    return outcome


# ---- system tests ----

def system_suites():
    """suite -> its modules, by the line `SUITE = '...'` in each."""
    found = {}
    for path in sorted(SYSTEM.glob('*.py')):
        named = re.search(r"^SUITE = '([a-z0-9-]+)'", path.read_text(), re.M)
        if named:
            found.setdefault(named[1], []).append(path)
    return found


# Names of network namespaces are files: a lane has a folder of its own for them.
LANE = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', 'mount -t tmpfs tmpfs /run/netns && exec "$@"', 'lane']


def run_system_suite(suite, modules):
    """Modules that say `TWO_AT_ONCE = True` look at what happens, and neither at how fast nor at what is lost: two lanes of
    them; the rest has the lab to itself."""
    (LOGS / suite).mkdir(parents=True, exist_ok=True)
    Path('/run/netns').mkdir(exist_ok=True)
    light = [m for m in modules if re.search(r'^TWO_AT_ONCE = True', m.read_text(), re.M)]
    outcome = Outcome()
    with concurrent.futures.ThreadPoolExecutor(2) as lanes:
        for done in lanes.map(lambda m: run_system_modules(suite, [m], LANE), light):
            outcome.add(done)
    rest = [m for m in modules if m not in light]
    if rest:
        outcome.add(run_system_modules(suite, rest))
    return outcome


def run_system_modules(suite, modules, inside=()):
    report = LOGS / suite / f'{modules[0].stem}.json'
    report.unlink(missing_ok=True)
    runner = [sys.executable, str(SYSTEM / 'run.py'), '--logs', str(LOGS / suite), '--report', str(report)]
    code = subprocess.run([*inside, *runner, *[str(m) for m in modules]], stdin=subprocess.DEVNULL).returncode
    if not report.exists():
        return Outcome(failed=1, problems=[f'{suite}: the runner ended with {code}'])
    outcome = Outcome()
    for case in json.loads(report.read_text()):
        title = f'{suite}: {case["name"]}'
        if case['result'] == 'passed':
            outcome.passed += 1
        elif case['result'] == 'skipped':
            outcome.add(skipped(title, case['why']))
        else:
            outcome.add(Outcome(failed=1, problems=[f'{title}: {case["why"]}']))
    return outcome


# ---- all of it ----

class Aside:
    """Work done beside the system tests, which mostly wait: on a new machine compiling would else be half of the time."""

    def __init__(self, work):
        self._work, self._problem = work, None
        # A run that is stopped does not wait for it: its processes end with the run's PID namespace.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._work()
        except build.BuildError as error:
            self._problem = error

    def wait(self):
        self._thread.join()
        if self._problem:
            raise self._problem


def select(wanted, known):
    unknown = [s for s in wanted if s not in known]
    if unknown:
        sys.exit(f'tools/test: unknown suite: {", ".join(unknown)} (known: {", ".join(known)})')
    return [s for s in known if not wanted or s in wanted]


def runs_in(tree, suite, test):
    seeded = SEEDED.get(suite) if tree == 'release' else None
    return suite in suites_of(test) and (not seeded or test['name'] in seeded)


def run(wanted, outcome):
    release_tests = compiled_tests('release')
    system = system_suites()
    compilable = {s for t in release_tests for s in suites_of(t)}
    suites = select(wanted, sorted(compilable | set(system), key=lambda s: (ORDER.index(s) if s in ORDER else len(ORDER), s)))

    trees = {}                                   # tree -> the tests that run in it
    for suite in suites:
        for tree in TREES_OF.get(suite, ['release']) if suite in compilable else []:
            trees.setdefault(tree, set()).add(suite)
    if any(s in system for s in suites):
        trees.setdefault('release', set())
    by_tree = {}
    for tree, members in trees.items():
        tests = release_tests if tree == 'release' else compiled_tests(tree)
        # What is not compiled (scripts) runs once, in the first tree of its suite.
        first_of = {s for s in members if TREES_OF.get(s, ['release'])[0] == tree}
        by_tree[tree] = [t for t in tests if any(runs_in(tree, s, t) for s in (members if t['depends'] else first_of))]
    played = [s for s in suites if s in system]
    if 'release' in by_tree:
        build_for('release', by_tree['release'], programs=bool(played))
    compiled = [s for s in suites if s in compilable]
    early = [s for s in compiled if s in ASIDE and played]
    found = Outcome()                            # by what runs aside

    def play_compiled(suite, where, aside=False):
        where.add(run_compiled_suite(suite, {t: by_tree[t] for t in TREES_OF.get(suite, ['release'])}, aside))

    def work_aside():
        for tree in by_tree:
            if tree != 'release':
                build_for(tree, by_tree[tree], aside=bool(played))
        for suite in early:
            play_compiled(suite, found, aside=True)

    beside = Aside(work_aside)
    for suite in played:
        say(f'---- {suite}')
        outcome.add(run_system_suite(suite, system[suite]))
    beside.wait()
    outcome.add(found)
    for suite in compiled:
        if suite not in early:
            play_compiled(suite, outcome)


def stop(number, _frame):
    # A second signal must not interrupt the clean-up that the first one started.
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, stop)
    start = time.monotonic()
    outcome = Outcome()
    try:
        run(sys.argv[1:], outcome)
    except build.BuildError as error:
        outcome.add(Outcome(failed=1, problems=[str(error)]))
    except KeyboardInterrupt as signalled:
        outcome.add(Outcome(failed=1, problems=[f'stopped by {signalled}']))
    say(f'---- {time.monotonic() - start:.0f} s')
    for problem in outcome.problems:
        say(f'FAILED {problem}')
    say(f'{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped')
    sys.exit(1 if outcome.failed else 0)


if __name__ == '__main__':
    main()

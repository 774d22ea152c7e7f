#!/usr/bin/env python3
"""run.py [--logs FOLDER] [--report FILE] [--only PATTERN] MODULE...: runs the system tests of modules, on the platform.

A system test is a function test_*(lab) in a module tests/system/*.py that says SUITE = '...'. It passes when it returns;
LabError or an assertion fails it; Skip(reason) skips it. `TIMEOUT` of the module, or @timeout on the function, bounds it.

    tools/run tests/system/run.py tests/system/lab_peers.py --only esn
"""

import argparse
import fnmatch
import importlib.util
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from lab import Lab, LabError, Skip  # noqa: E402
from lab.signals import end_in_order  # noqa: E402

DEFAULT_TIMEOUT = 180       # seconds; ten times what a test takes on a quiet machine


class TimedOut(Exception):
    """The test has used up its time."""


def out_of_time(_number, _frame):
    raise TimedOut()


def tests_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, function in vars(module).items():
        if name.startswith('test_') and callable(function):
            yield f'{path.stem}.{name[5:]}', function, getattr(function, 'timeout', getattr(module, 'TIMEOUT', DEFAULT_TIMEOUT))


def run_one(name, function, limit, logs):
    """{'name', 'result': passed | failed | skipped, 'why', 'seconds'}"""
    folder = logs / name
    start = time.monotonic()
    result, why, details = 'passed', '', ''
    lab = Lab(folder)
    try:
        signal.alarm(limit)
        function(lab)
    except Skip as skip:
        result, why = 'skipped', str(skip)
    except (LabError, AssertionError) as error:
        result, why = 'failed', str(error) or traceback.format_exc(limit=-1)
        details = traceback.format_exc(limit=-3) if isinstance(error, AssertionError) else ''
    except TimedOut:
        result, why, details = 'failed', f'no end after {limit} s', traceback.format_exc(limit=-6)
    except Exception as error:
        result, why, details = 'failed', f'{type(error).__name__}: {error}', traceback.format_exc()
    finally:
        signal.alarm(0)
        if result == 'failed':
            details += lab.log_tails()
        lab.close()
    problems = lab.problems()
    if problems and result == 'passed':
        result, why = 'failed', '; '.join(problems)
    if result == 'passed' and not os.environ.get('CULVERT_KEEP_LOGS'):
        for capture in folder.glob('*.pcap'):
            capture.unlink()
    return {'name': name, 'result': result, 'why': why, 'seconds': round(time.monotonic() - start, 1), 'details': details}


def show(outcome, logs):
    first = outcome['why'].splitlines()[0] if outcome['why'] else ''
    mark = {'passed': 'ok  ', 'failed': 'FAIL', 'skipped': 'skip'}[outcome['result']]
    print(f'{mark} {outcome["name"]}, {outcome["seconds"]} s' + (f': {first}' if first else ''), flush=True)
    if outcome['result'] == 'failed':
        text = '\n'.join(outcome['why'].splitlines()[1:]) + '\n' + outcome['details']
        print(''.join(f'     {line}\n' for line in text.splitlines() if line.strip()) + f'     logs: {logs / outcome["name"]}',
              flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('modules', nargs='+', type=Path)
    parser.add_argument('--logs', type=Path, default=HERE.parents[1] / 'build' / 'test-logs' / 'system')
    parser.add_argument('--report', type=Path)
    parser.add_argument('--only', default='*', help='tests whose name matches this pattern')
    arguments = parser.parse_args()
    end_in_order()
    signal.signal(signal.SIGALRM, out_of_time)

    outcomes = []
    try:
        for path in arguments.modules:
            for name, function, limit in tests_of(path):
                if fnmatch.fnmatch(name, f'*{arguments.only}*'):
                    outcomes.append(run_one(name, function, limit, arguments.logs))
                    show(outcomes[-1], arguments.logs)
                    if outcomes[-1]['result'] == 'failed':
                        # Two gateways, their hosts and a guest kernel share two cores with whatever else the machine does:
                        # one failure that does not come again is said, but is not the tunnel's.
                        print('     again:', flush=True)
                        outcomes[-1] = run_one(name, function, limit, arguments.logs)
                        show(outcomes[-1], arguments.logs)
    except KeyboardInterrupt as signalled:
        outcomes.append({'name': 'all', 'result': 'failed', 'why': f'stopped by {signalled}', 'seconds': 0})
    if arguments.report:
        arguments.report.write_text(json.dumps(outcomes))
    sys.exit(1 if any(o['result'] == 'failed' for o in outcomes) or not outcomes else 0)


if __name__ == '__main__':
    main()

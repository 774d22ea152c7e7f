#!/usr/bin/env python3
"""build.py TREE [--programs | TARGET...]: configures and builds one of the build trees, showing progress on stderr.

A tree is a build folder with its options: build/release is what the tools run, the others are for tests. Two builds of one
tree wait for each other. After a build the programs stand in build/TREE/bin, by links.
"""

import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

SRC = Path(__file__).resolve().parents[2]

_CHECKED = ['--buildtype=debugoptimized', '-Doptimization=1', '-Dcpp_args=-g1', '-Db_lundef=false']
TREES = {
    'release': ['--buildtype=release'],
    'asan': _CHECKED + ['-Db_sanitize=address,undefined'],
    # It knows nothing of fences, and reports what they order.
    'tsan': _CHECKED + ['-Db_sanitize=thread', '-Dcpp_args=-g1 -Wno-tsan -DRTE_USE_C11_MEM_MODEL'],
}


class BuildError(Exception):
    """Configuration or compilation failed; what the tools said is already on stderr."""


def folder(tree):
    return SRC / 'build' / tree


@contextlib.contextmanager
def _locked(tree):
    (SRC / 'build').mkdir(exist_ok=True)
    with open(SRC / 'build' / f'.{tree}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text):
    print(f'[build] {text}', file=sys.stderr, flush=True)


def _configure(tree):
    # meson reconfigures by itself when a build file changes; only a tree whose options changed is made anew.
    stamp = folder(tree) / 'culvert-options'
    options = ' '.join(TREES[tree])
    if stamp.exists() and stamp.read_text() == options and (folder(tree) / 'build.ninja').exists():
        return
    _say(f'configuring build/{tree}')
    env = dict(os.environ, CXX='ccache g++', CC='ccache gcc')
    command = ['meson', 'setup', *(['--wipe'] if folder(tree).exists() else []), str(folder(tree)), str(SRC), *TREES[tree]]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.stderr.write(done.stdout)
        raise BuildError(f'meson setup of build/{tree} failed')
    stamp.write_text(options)


def _ninja(tree, targets, aside=False):
    env = dict(os.environ, NINJA_STATUS='[%f/%t] ')
    ninja = subprocess.Popen([*(['nice', '-n', '19'] if aside else []), 'ninja', '-C', str(folder(tree)), *targets], env=env,
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    start = shown = time.monotonic()
    said = []
    for line in ninja.stdout:
        step = re.match(r'\[(\d+/\d+)\] ', line)
        if not step:
            said.append(line)        # warnings are errors: what compilers and meson say matters only where they fail
            continue
        now = time.monotonic()
        if now - shown >= (60 if aside else 5):
            shown = now
            _say(f'{tree}: {step[1]} after {now - start:.0f} s')
    if ninja.wait():
        sys.stderr.writelines(line if len(line) < 500 else line[:500] + ' ...\n' for line in said[-200:])
        raise BuildError(f'building build/{tree} failed')
    if time.monotonic() - start > 5:
        _say(f'{tree}: done in {time.monotonic() - start:.0f} s')


def introspect(tree, what):
    done = subprocess.run(['meson', 'introspect', f'--{what}', str(folder(tree))], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def is_program(target):
    """Of the targets that introspection tells: the programs that users run."""
    return target['type'] == 'executable' and target['name'].startswith('culvert') and not target['name'].endswith('-test')


def _link_programs(tree):
    """build/TREE/bin: one folder for PATH, whatever folders the programs are built in."""
    links = folder(tree) / 'bin'
    links.mkdir(exist_ok=True)
    for target in introspect(tree, 'targets'):
        if is_program(target):
            link, program = links / target['name'], Path(target['filename'][0])
            if not link.is_symlink() or link.readlink() != program:
                link.unlink(missing_ok=True)
                link.symlink_to(program)


def build(tree, targets=(), aside=False):
    """Configures where needed and builds TARGETS (paths relative to the tree; none means everything); `aside`: while more
    important things go on."""
    with _locked(tree):
        _configure(tree)
        _ninja(tree, targets, aside)
        _link_programs(tree)


def build_programs(tree):
    """Builds only what users run, not the tests."""
    configure(tree)
    build(tree, sorted(os.path.relpath(f, folder(tree)) for t in introspect(tree, 'targets') if is_program(t)
                       for f in t['filename']))


def configure(tree):
    with _locked(tree):
        _configure(tree)
        # Brings build.ninja and what introspection tells up to date with changed build files.
        _ninja(tree, ['build.ninja'])


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in TREES:
        sys.exit(f'usage: build.py {"|".join(TREES)} [--programs | TARGET...]')
    try:
        if sys.argv[2:] == ['--programs']:
            build_programs(sys.argv[1])
        else:
            build(sys.argv[1], sys.argv[2:])
    except BuildError as error:
        sys.exit(f'[build] {error}')


if __name__ == '__main__':
    main()

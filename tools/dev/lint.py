#!/usr/bin/env python3
"""lint.py [ROOT] [--twins]: the rules of this code base that a script can check; exit status 1 where one is broken.

Rules: include direction between the folders (one include root hides a violation from the build), file and line length,
no timing-dependent comparison of secrets, nothing that allocates or locks per packet, OpenSSL only where crypto lives,
no unfinished work, no path of somebody's machine, no container that breaks in the sanitizer trees.
--twins lists sources without a test of the same name (information only).
"""

import argparse
import re
import sys
from pathlib import Path

MAX_LINES = 600
MAX_COLUMNS = 128
TABLES = set()          # files that are one long table and may exceed MAX_LINES

TOP_FOLDERS = ('common', 'config', 'drivers', 'dataplane', 'control', 'tools', 'bench', 'tests')
SOURCES = ('.cc', '.h')
CHECKED = SOURCES + ('.py', '.sh', '.build')

# Folder -> prefixes of project headers it may include, besides its own. tests and bench may include anything.
MAY_INCLUDE = {
    'common': ('common/',),
    'config': ('common/',),
    'drivers': ('common/',),
    'dataplane': ('common/', 'config/', 'drivers/'),
    'control': ('common/', 'config/'),
    'tools': ('common/', 'config/', 'control/ike/wire/'),
}
# Library headers by pattern -> path prefixes that may include them.
LIBRARIES = {
    'DPDK': (re.compile(r'rte_\w+\.h'), ('drivers/', 'dataplane/', 'bench/', 'tests/')),
    'IPsec-MB': (re.compile(r'(ipsec-mb|intel-ipsec-mb)\.h'), ('drivers/', 'bench/', 'tests/')),
    'OpenSSL': (re.compile(r'openssl/'),
                ('control/ike/crypto/', 'control/auth/', 'control/ike/identity', 'control/radius/', 'bench/', 'tests/')),
}
# Abseil's hash tables change layout under a sanitizer, and the distribution's library is built without one.
NOT_WITH_SANITIZERS = re.compile(r'absl/container/(flat|node)_hash_(map|set)\.h')
LIBRARY_FOLDERS = ('absl/', 'gtest/', 'gmock/', 'rte_')
PER_PACKET = ('dataplane/stage/', 'dataplane/watch/', 'dataplane/worker/')
PER_PACKET_FORBIDDEN = re.compile(
    r'\bnew\b|\bthrow\b|\bLOG\(|\b(m|c|re)alloc\(|\bstd::(function|mutex|shared_mutex|recursive_mutex|lock_guard|unique_lock'
    r'|scoped_lock|shared_ptr|make_shared|condition_variable)\b')
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
# An absolute path outside the folders every system has is somebody's machine.
ABSOLUTE = re.compile(r'''(?:^|[='\s("])["']?(/[A-Za-z][\w.-]*)/[\w.-]''')
SYSTEM_ROOTS = {f'/{name}' for name in 'bin boot dev etc lib mnt opt proc run sbin sys tmp usr var'.split()}
MIRROR = re.compile(r'://[\w.-]*(debian|ubuntu)\.(org|net|com)')
COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"\(.*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""", re.S)
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def strip_comments(text):
    """The text without comments, strings and character literals, line structure kept."""
    def blank(match):
        return re.sub(r'[^\n]', ' ', match[0]) if match[0][0] == '/' else match[0][0] * 2 + '\n' * match[0].count('\n')
    return COMMENT_OR_LITERAL.sub(blank, text)


class Lint:
    def __init__(self, root):
        self.root = root
        self.errors = []

    def error(self, path, line, text):
        self.errors.append(f'{path.relative_to(self.root)}:{line}: {text}')

    def files(self):
        for top in TOP_FOLDERS:
            for path in sorted((self.root / top).rglob('*')):
                if path.is_file() and '__pycache__' not in path.parts and \
                        (path.suffix in CHECKED or path.parent == self.root / 'tools' and path.name != 'packages'):
                    yield path

    def check(self):
        for path in self.files():
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                self.error(path, 1, 'is not UTF-8')
                continue
            self.check_text(path, text)
            if path.suffix in SOURCES:
                self.check_source(path, text)
        return self.errors

    def check_text(self, path, text):
        lines = text.splitlines()
        if len(lines) > MAX_LINES and str(path.relative_to(self.root)) not in TABLES:
            self.error(path, len(lines), f'{len(lines)} lines; the limit is {MAX_LINES}')
        tested_text = path.relative_to(self.root).parts[0] == 'tests'     # tables of messages and packets read best unbroken
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS and path.suffix in SOURCES + ('.py',) and not tested_text:
                self.error(path, number, f'{len(line)} columns; the limit is {MAX_COLUMNS}')
            if '\t' in line and path.suffix in SOURCES + ('.py',):
                self.error(path, number, 'has a tab')
            if UNFINISHED.search(line):
                self.error(path, number, f'unfinished work: {UNFINISHED.search(line)[0]}')
            if MIRROR.search(line):
                self.error(path, number, 'names a package mirror')
            for absolute in ABSOLUTE.finditer(line):
                if absolute[1] not in SYSTEM_ROOTS:
                    self.error(path, number, f'names a path of one machine: {absolute[1]}/')

    def check_source(self, path, text):
        name = str(path.relative_to(self.root))
        if path.suffix == '.h' and '#pragma once' not in text:
            self.error(path, 1, 'a header without #pragma once')
        code = strip_comments(text)
        for number, (line, bare) in enumerate(zip(text.splitlines(), code.splitlines()), 1):
            include = INCLUDE.match(line)
            if include and '#' in bare:
                self.check_include(path, number, name, include)
            if name.startswith(('control/', 'dataplane/', 'drivers/')) and re.search(r'\bmemcmp\s*\(', bare):
                self.error(path, number, 'memcmp: EqualConstantTime for tags and keys, == or std::ranges::equal for the rest')
            if name.startswith(PER_PACKET):
                forbidden = PER_PACKET_FORBIDDEN.search(bare)
                if forbidden:
                    self.error(path, number, f'{forbidden[0].strip()} in the packet path')

    def check_include(self, path, number, name, include):
        top, header = name.split('/')[0], include[2]
        for library, (pattern, allowed) in LIBRARIES.items():
            if pattern.match(header) and not name.startswith(allowed):
                self.error(path, number, f'{library} belongs to {", ".join(allowed)}')
        if NOT_WITH_SANITIZERS.match(header):
            self.error(path, number, f'{header} does not work in sanitizer builds: std::unordered_map with absl::Hash')
        if include[1] == '<':
            return
        if not (self.root / header).exists():
            if not header.startswith(LIBRARY_FOLDERS):
                self.error(path, number, f'"{header}" is not a header of the project; include from its root')
        elif top in MAY_INCLUDE and not header.startswith((top + '/',) + MAY_INCLUDE[top]):
            self.error(path, number, f'{top}/ may not include {header}')

    def without_twin(self):
        tests = {p.name for p in (self.root / 'tests').rglob('*_test.cc')}
        for path in self.files():
            name = path.relative_to(self.root)
            if path.suffix == '.cc' and name.parts[0] not in ('tests', 'bench') and f'{path.stem}_test.cc' not in tests:
                yield str(name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('root', nargs='?', type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument('--twins', action='store_true')
    arguments = parser.parse_args()
    lint = Lint(arguments.root.resolve())
    if arguments.twins:
        for name in lint.without_twin():
            print(f'no test of its own: {name}')
        return 0
    errors = lint.check()
    for error in errors:
        print(error)
    print(f'{len(errors)} findings')
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main())

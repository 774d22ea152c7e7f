#!/usr/bin/env python3
"""Each rule of tools/dev/lint.py refuses what it is for and lets its neighbour pass."""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / 'tools' / 'dev'))
import lint  # noqa: E402

HEADERS = ['common/base/a.h', 'config/model.h', 'drivers/port/port.h', 'dataplane/sa/database.h', 'control/ike/core.h',
           'control/ike/wire/header.h']

# path, a line of it, a part of the expected finding (None: no finding)
CASES = [
    ('common/x.cc', '#include "common/base/a.h"', None),
    ('common/x.cc', '#include "config/model.h"', 'common/ may not include'),
    ('config/x.cc', '#include "drivers/port/port.h"', 'config/ may not include'),
    ('drivers/x.cc', '#include <rte_mbuf.h>', None),
    ('drivers/x.cc', '#include "config/model.h"', 'drivers/ may not include'),
    ('dataplane/x.cc', '#include "control/ike/core.h"', 'dataplane/ may not include'),
    ('dataplane/x.cc', '#include <openssl/evp.h>', 'OpenSSL belongs to'),
    ('dataplane/x.cc', '#include <intel-ipsec-mb.h>', 'IPsec-MB belongs to'),
    ('control/x.cc', '#include "dataplane/sa/database.h"', 'control/ may not include'),
    ('control/x.cc', '#include <rte_ring.h>', 'DPDK belongs to'),
    ('control/x.cc', '#include <openssl/evp.h>', 'OpenSSL belongs to'),
    ('control/ike/crypto/x.cc', '#include <openssl/evp.h>', None),
    ('control/x.cc', '// #include "dataplane/sa/database.h"', None),
    ('tools/culvertctl/x.cc', '#include "control/ike/wire/header.h"', None),
    ('tools/culvertctl/x.cc', '#include "control/ike/core.h"', 'tools/ may not include'),
    ('common/x.cc', '#include "a.h"', 'include from its root'),
    ('control/x.cc', '#include "absl/container/flat_hash_map.h"', 'sanitizer builds'),
    ('control/x.cc', '#include <absl/container/node_hash_set.h>', 'sanitizer builds'),
    ('control/x.cc', '#include "absl/container/btree_map.h"', None),
    ('control/x.cc', 'if (memcmp(a, b, 16) == 0) return;', 'memcmp'),
    ('control/x.cc', 'int n = 0;  // not memcmp(a, b)', None),
    ('dataplane/stage/x.cc', 'auto* p = new int;', 'new in the packet path'),
    ('dataplane/stage/x.cc', 'int newest = 0;  // the new one', None),
    ('dataplane/main/x.cc', 'std::function<void()> f;', None),
    ('dataplane/worker/x.h', 'std::function<void()> f;', 'std::function in the packet path'),
    ('dataplane/worker/x.h', 'std::mutex m;', 'std::mutex in the packet path'),
    ('common/x.cc', '// TO' 'DO: later', 'unfinished work'),
    ('common/x.cc', f'auto p = "/{"srv"}/build/x";', 'path of one machine'),
    ('common/x.cc', 'auto p = "/etc/culvert/x";', None),
    ('common/x.cc', '//' + 'x' * 127, '129 columns'),
    ('common/x.cc', '//\n' * 600, '601 lines'),
]


class LintTest(unittest.TestCase):
    def findings(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, content in [(h, '') for h in HEADERS] + [(path, text)]:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text('#pragma once\n' + content)
            return lint.Lint(root).check()

    def test_rules(self):
        for path, text, expected in CASES:
            with self.subTest(path=path, text=text[:80]):
                found = self.findings(path, text)
                if expected is None:
                    self.assertEqual(found, [])
                else:
                    self.assertTrue(len(found) == 1 and expected in found[0], found)

    def test_header_guard(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'common' / 'x.h'
            path.parent.mkdir()
            path.write_text('int x;\n')
            self.assertIn('#pragma once', lint.Lint(Path(folder)).check()[0])


if __name__ == '__main__':
    unittest.main()

"""The RADIUS client against FreeRADIUS: who is let in, with what address, and what a dead or distrustful server costs."""

import time

from lab import run
from lab.radius import SECRET, FreeRadius

SUITE = 'interop-ikev1'


def ask(lab, ns, servers, user, password, secret=SECRET):
    program = lab.programs / 'culvert-radius-ask'
    listed = ','.join(f'{s.address}:{s.port}' if isinstance(s, FreeRadius) else s for s in servers)
    return run(program, listed, secret, user, password, netns=ns, check=False).stdout.strip()


def test_freeradius(lab):
    ns = lab.namespace('radius')
    server = FreeRadius(lab, ns).start()
    user1 = ask(lab, ns, [server], 'user1', 'pass1')
    assert user1.startswith('accept ') and 'message=Hello user1' in user1, user1
    assert 'timeout=3600' in user1 and 'class=group-lab' in user1 and 'address=' not in user1, user1
    user2 = ask(lab, ns, [server], 'user2', 'pass2')
    assert 'address=10.3.0.77 netmask=255.255.255.255' in user2, user2
    server.expect_login('user2')
    wrong = ask(lab, ns, [server], 'user1', 'pass2')
    assert wrong.startswith('reject '), wrong
    server.expect_login('user1', ok=False)
    assert ask(lab, ns, [server], 'nobody', 'x').startswith('reject ')
    # Longer than one block of hidden octets.
    assert ask(lab, ns, [server], 'user1', 'p' * 100).startswith('reject ')
    # It drops what its secret does not prove; so would we.
    distrusted = ask(lab, ns, [server], 'user1', 'pass1', secret='another')
    assert distrusted.startswith('no-answer ') and 'no answer' in distrusted, distrusted
    start = time.monotonic()
    second = ask(lab, ns, ['127.0.0.1:1', server], 'user1', 'pass1')
    assert second.startswith('accept ') and time.monotonic() - start < 5, second
    server.stop()
    assert ask(lab, ns, [server], 'user1', 'pass1').startswith('no-answer ')

"""IKEv2's CP payloads with strongSwan 6.0: each side lends inner addresses of a pool to the other."""

from lab import Charon, Gateway, LabError, Tunnel, run, wait_until
from lab.topology import Topology

SUITE = 'interop-ikev2'

LENT = '10.3.0.1'
POOLS = {'pools': {'road': {'addrs': '10.3.0.0/24', 'dns': '10.2.0.53'}}}


def tunnel():
    """b lends, a borrows."""
    return Tunnel(a_connection={'vips': '0.0.0.0'}, b_connection={'pools': 'road'}, a_child={'local_ts': 'dynamic'},
                  b_child={'remote_ts': 'dynamic'})


def ping(ns, source, target, count=3):
    done = run('ping', '-c', count, '-i', '0.2', '-W', '2', '-I', source, target, netns=ns, check=False)
    if done.returncode:
        raise LabError(f'{target} does not answer {source}:\n{done.stdout}')


def test_we_lend(lab):
    net = Topology(lab)
    a = Charon(lab, net.kernel(net.a), 'charon-a', settings={'install_virtual_ip': 'yes'})
    b = Gateway(lab, net.b, 'culvert-b')
    both = tunnel()
    b.start({**both.conf('b'), **POOLS})
    a.start(both.conf('a'))
    a.initiate('net')
    ping(net.a.ns, LENT, '10.2.0.2')
    assert f'[{LENT}]' in b.sas_text(), b.sas_text()
    leases = b.swanctl('--list-pools', '--leases')
    assert LENT in leases and 'online' in leases and 'a.lab' in leases, leases
    a.rekey_ike('net')
    wait_until(lambda: 'installing new virtual IP' in a.log_text() or len(a.sas()) == 1, 'one IKE SA', 20)
    ping(net.a.ns, LENT, '10.2.0.2')
    a.terminate('net')
    wait_until(lambda: 'offline' in b.swanctl('--list-pools', '--leases'), 'the lease is offline', 10)
    # It is found again.
    a.initiate('net')
    ping(net.a.ns, LENT, '10.2.0.2')
    b.expect_balance()


def test_we_borrow(lab):
    net = Topology(lab)
    # A host of a's own has the address: nothing is translated.
    net.a.routes = [(f'{LENT}/32', '10.1.0.2')]
    net.alice.ns.address('eth0', f'{LENT}/32')
    a, b = Gateway(lab, net.a, 'culvert-a'), Charon(lab, net.kernel(net.b), 'charon-b')
    both = tunnel()
    b.start({**both.conf('b'), **POOLS})
    a.start(both.conf('a'))
    a.initiate('net')
    assert f'[{LENT}]' in a.sas_text(), a.sas_text()
    ping(net.alice.ns, LENT, '10.2.0.2')
    a.rekey_ike('net')
    ping(net.alice.ns, LENT, '10.2.0.2')
    a.terminate('net')
    a.expect_balance()

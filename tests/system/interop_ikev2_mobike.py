"""MOBIKE with strongSwan 6.0: either side's address goes, with and without UDP encapsulation, and addresses of a live port."""

import json
import re
import time

from lab import Charon, Gateway, LabError, Tunnel, wait_until
from lab.host import Probe
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 180

A, A2, B, B2 = '192.0.2.1', '192.0.2.3', '192.0.2.2', '192.0.2.4'
STRANGER = '02:00:00:00:00:99'
OUTSIDE = '192.0.2.0/24'
MAY_LOSE = 400      # datagrams of the probe, half a millisecond each


def pair(lab, ours, nat=False, **tunnel):
    """`ours`: which sides are Culvert's; strongSwan has the other."""
    net = Topology(lab, nat=nat)
    a = Gateway(lab, net.a, 'culvert-a') if 'a' in ours else Charon(lab, net.kernel(net.a), 'charon-a')
    b = Gateway(lab, net.b, 'culvert-b') if 'b' in ours else Charon(lab, net.kernel(net.b), 'charon-b')
    # Else whoever decides may well go on over IPv6.
    options = {'connection': {'mobike': True}, 'a_connection': {'local_addrs': OUTSIDE},
               'b_connection': {'local_addrs': OUTSIDE, 'remote_addrs': '%any'}}
    return Pair(net, a, b, Tunnel(**{**options, **tunnel})).start()


def change(gateway, action, address):
    """An address of the port wan, by the operator."""
    done = gateway.ctl_process('address', action, 'wan', f'{address}/24')
    if done.returncode:
        raise LabError(f'culvertctl address {action} {address}: {done.stdout}')


def change_kernel(ns, add, remove):
    # Otherwise the second address goes with the first.
    ns.sysctl('net.ipv4.conf.wan.promote_secondaries', 1)
    ns.address('wan', f'{add}/24')
    time.sleep(1)
    ns.ip('addr', 'del', f'{remove}/24', 'dev', 'wan')


def expect_between(tunnel, a, b):
    """Both daemons have the IKE SA there, and packets go through both ways."""
    def there(gateway, local, remote):
        text = gateway.sas_text()
        return f'@ {local}[4500]' in text and f'@ {remote}[4500]' in text
    alice, bob = tunnel.net.alice, tunnel.net.bob
    wait_until(lambda: there(tunnel.a, a, b) and there(tunnel.b, b, a), f'both are between {a} and {b}', 30)
    wait_until(lambda: alice.ping(bob, count=1, wait=1, check=False) and bob.ping(alice, count=1, wait=1, check=False),
               'alice and bob reach each other', 30)
    tunnel.expect_one_child()


def finish(tunnel, by):
    tunnel.down(by)
    tunnel.expect_order()


def test_they_initiate_and_move_in_udp(lab):
    tunnel = pair(lab, 'b', encap=True)
    tunnel.up('a')
    change_kernel(tunnel.net.a.ns, A2, A)
    expect_between(tunnel, A2, B)
    tunnel.b.rekey_child(tunnel.tunnel.name)
    expect_between(tunnel, A2, B)
    change_kernel(tunnel.net.a.ns, A, A2)
    expect_between(tunnel, A, B)
    finish(tunnel, 'a')


def test_we_initiate_and_move(lab):
    tunnel = pair(lab, 'a', a=f'{A2}, {A}', a_connection={})
    change(tunnel.a, 'add', A2)
    tunnel.up('a')
    expect_between(tunnel, A2, B)
    change(tunnel.a, 'del', A2)
    expect_between(tunnel, A, B)
    tunnel.a.rekey_ike(tunnel.tunnel.name)
    expect_between(tunnel, A, B)
    finish(tunnel, 'b')


def test_we_respond_and_go_to_another_address(lab):
    tunnel = pair(lab, 'b', a_connection={'local_addrs': OUTSIDE, 'remote_addrs': B2})
    change(tunnel.b, 'add', B2)
    tunnel.up('a')
    expect_between(tunnel, A, B2)
    change(tunnel.b, 'del', B2)
    expect_between(tunnel, A, B)
    finish(tunnel, 'a')


def test_they_respond_and_go_to_another_address(lab):
    tunnel = pair(lab, 'a', a_connection={'local_addrs': OUTSIDE, 'dpd_delay': '2s'})
    tunnel.up('a')
    change_kernel(tunnel.net.b.ns, B2, B)
    expect_between(tunnel, A, B2)
    finish(tunnel, 'a')


def test_both_ours_move_under_traffic(lab):
    """Each end goes to its second address and on; what is lost is what was on its way to an address that is gone."""
    tunnel = pair(lab, 'ab', a=f'{A2}, {A}', a_connection={'remote_addrs': B2})
    change(tunnel.a, 'add', A2)
    change(tunnel.b, 'add', B2)
    tunnel.up('a')
    expect_between(tunnel, A2, B2)
    with Probe(tunnel.net.alice, tunnel.net.bob) as probe:
        change(tunnel.a, 'del', A2)
        expect_between(tunnel, A, B2)
        change(tunnel.b, 'del', B2)
        expect_between(tunnel, A, B)
    if probe.lost() > MAY_LOSE:
        raise LabError(f'{probe.lost()} datagrams lost around two moves')
    for gateway in tunnel.ours:
        gateway.expect_drops_only('not-for-us')
    finish(tunnel, 'b')


def test_the_nat_forgets_its_mappings(lab):
    """We are behind it: our liveness probe tells, and we say where we are now."""
    tunnel = pair(lab, 'a', nat=True, a_connection={'local_addrs': '%any', 'dpd_delay': '2s'})
    tunnel.up('a')
    tunnel.net.nat.remap()
    wait_until(lambda: re.search(r'192\.0\.2\.254\[[45]\d{4}\]', tunnel.b.sas_text()), 'the peer has the new mapping', 30)
    tunnel.use()
    finish(tunnel, 'a')


def test_neighbours_hear_of_an_address_at_once(lab):
    """Gratuitous ARP and an unsolicited NA: whoever took the address for somebody else's knows better."""
    net = Topology(lab, sniff=False)
    gateway = Gateway(lab, net.a, 'culvert-a').start(Tunnel().conf('a'))
    kernel = net.kernel(net.b)
    mac = json.loads(net.a.ns.ip('-j', 'link', 'show', 'wan').stdout)[0]['address']
    for address, length in ((A2, 24), ('2001:db8::3', 64)):
        kernel.ip('neigh', 'replace', address, 'lladdr', STRANGER, 'dev', 'wan', 'nud', 'stale')
        time.sleep(1.5)   # the kernel believes nobody within a second of the last word
        done = gateway.ctl_process('address', 'add', 'wan', f'{address}/{length}')
        if done.returncode:
            raise LabError(done.stdout)
        wait_until(lambda a=address: mac in kernel.ip('neigh', 'show', a).stdout, f'{address} is known to be at {mac}', 5)
        if kernel.run('ping', '-n', '-c', 2, '-W', 2, address, check=False).returncode:
            raise LabError(f'{address} does not answer')
        for action, what in (('add', 'already'), ('del', ''), ('del', 'no such port')):
            done = gateway.ctl_process('address', action, 'wan', f'{address}/{length}')
            if (done.returncode != 0) != bool(what) or what not in done.stdout:
                raise LabError(f'address {action}: {done.returncode} {done.stdout}')
    gateway.expect_balance()

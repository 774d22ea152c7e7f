"""Fragments and path MTU between Culvert and a real Linux kernel's ESP, through a router that hides us and is narrow both ways."""

import re

from lab import Gateway, LabError, Tunnel, UmlKernel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-dataplane'
TIMEOUT = 300
OUT, IN = 1400, 1380                    # octets the router lets pass, away from us and towards us


def narrow(net):
    router = net.nat.ns
    for subnet, interface, source, mtu in (('192.0.2.0/24', 'outside', '192.0.2.254', OUT), ('10.99.0.0/24', 'inside', '10.99.0.1', IN)):
        router.ip('route', 'replace', subnet, 'dev', interface, 'proto', 'kernel', 'scope', 'link', 'src', source, 'mtu', 'lock', mtu)


def told_mtu(host, peer, size):
    """What a host is told of a packet with DF and so many octets in all that does not fit; None where nothing is told."""
    done = host.ns.run('ping', '-n', '-c', 1, '-W', 1, '-M', 'do', '-s', size - 28, peer.address, check=False)
    found = re.search(r'mtu[ =]+(\d+)', done.stdout)
    return int(found[1]) if found else None


def expect_path(host, peer, outside):
    """The path is found out, told, and what is said to fit does."""
    # The first packet is lost outside, and what the router says of it is told of the next one.
    told = wait_until(lambda: (lambda mtu: mtu if mtu and mtu < outside else None)(told_mtu(host, peer, 1430)),
                      f'{host.ns} is told of a path of {outside}', 20)
    if not outside - 100 <= told < outside:
        raise LabError(f'{host.ns} is told {told} of a path of {outside}')
    host.ping(peer, size=told - 28, df=True)


def expect_grown(before, after, *names):
    for name in names:
        if after.get(name, 0) <= before.get(name, 0):
            raise LabError(f'{name}: {before} became {after}')


def test_fragments_and_path_mtu_both_ways(lab):
    net = Topology(lab, nat=True)
    narrow(net)
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    tunnel = Tunnel(a='10.99.0.2', b_connection={'remote_addrs': '%any'})
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), kernel, tunnel).start()
    pair.up()
    net.alice.ping(net.bob)
    alice, bob = net.alice, net.bob

    # With DF inside, DF is outside, and the router says so: to us about ours, to the kernel about its own.
    expect_path(alice, bob, OUT)
    expect_path(bob, alice, IN)
    # Without DF inside what is long is cut: by us before it is sealed, by the kernel or the router after; and is whole inside.
    # What the hosts have been told they would heed without DF too.
    for host in (alice, bob):
        host.ns.ip('route', 'flush', 'cache')
    before = pair.a.ctl('counters')
    for size in (1372, 1472, 4000, 9000):
        alice.ping(bob, size=size, df=False)
        bob.ping(alice, size=size, df=False)
    expect_grown(before, pair.a.ctl('counters'), 'consumed', 'injected')
    # TCP finds its own way by what is told inside.
    for reverse in (False, True):
        if alice.iperf3(bob, 1, reverse=reverse) <= 0:
            raise LabError('TCP moved nothing')
    drops = {reason: n for reason, n in pair.a.drops().items() if reason.startswith('fragment') or reason == 'bad-icv'}
    if drops:
        raise LabError(f'dropped: {drops}')
    pair.expect_order()

"""Plain forwarding: two Culvert gateways as routers between alice and bob, no IKE process at all."""

import re
import signal

from lab import Gateway, LabError, Probe, wait_until
from lab.topology import Topology

SUITE = 'forward'
NETWORKS = {'a': ('10.1.0.0/24', 'fd01::/64'), 'b': ('10.2.0.0/24', 'fd02::/64')}


def routers(lab, port='af_xdp', mtu=1500, start=True):
    net = Topology(lab, mtu=mtu, sniff=False)
    net.a.routes = [(NETWORKS['b'][0], '192.0.2.2'), (NETWORKS['b'][1], '2001:db8::2')]
    net.b.routes = [(NETWORKS['a'][0], '192.0.2.1'), (NETWORKS['a'][1], '2001:db8::1')]
    a, b = Gateway(lab, net.a, 'culvert-a', port), Gateway(lab, net.b, 'culvert-b', port)
    if start:
        a.start()
        b.start()
    return net, a, b


def traffic(net):
    for ipv6 in (False, True):
        net.alice.ping(net.bob, ipv6=ipv6)
        with Probe(net.alice, net.bob, ipv6=ipv6) as probe:
            net.bob.ping(net.alice, count=20, ipv6=ipv6)
        probe.expect_no_loss()
        for reverse in (False, True):
            net.alice.iperf3(net.bob, seconds=1, reverse=reverse, ipv6=ipv6)


def expect_order(*gateways):
    for gateway in gateways:
        gateway.expect_balance()


def test_two_routers_on_xdp_sockets(lab):
    net, a, b = routers(lab)
    traffic(net)
    expect_order(a, b)


def test_two_routers_on_packet_sockets(lab):
    net, a, b = routers(lab, port='af_packet')
    traffic(net)
    expect_order(a, b)


def test_own_addresses_answer_echo(lab):
    net, a, b = routers(lab)
    for address in ('10.1.0.1', '192.0.2.1', '192.0.2.2', '10.2.0.1', 'fd01::1', '2001:db8::1', 'fd02::1'):
        net.alice.ping(address)
    expect_order(a, b)


def test_time_exceeded_comes_from_the_router(lab):
    net, a, b = routers(lab)
    net.alice.ping(net.bob)
    for to, ttl, expected in (('10.2.0.2', 1, '10.1.0.1'), ('10.2.0.2', 2, '192.0.2.2'), ('fd02::2', 1, 'fd01::1')):
        said = net.alice.ns.run('ping', '-n', '-c', 1, '-W', 5, '-t', ttl, to, check=False).stdout
        if not re.search(rf'From {expected}[: ].*([Tt]ime to live exceeded|Hop limit)', said):
            raise LabError(f'no time exceeded from {expected}: {said}')
    if a.drops().get('ttl-expired') != 2 or b.drops().get('ttl-expired') != 1:
        raise LabError(f'ttl-expired: {a.drops()}, {b.drops()}')
    expect_order(a, b)


def test_too_big_is_told(lab):
    net, a, b = routers(lab, start=False)
    a.mtu = {'wan': 1400}
    a.start()
    b.start()
    net.alice.ping(net.bob)
    said = net.alice.ns.run('ping', '-n', '-c', 1, '-W', 5, '-M', 'do', '-s', 1400, '10.2.0.2', check=False).stdout
    if not re.search(r'From 10\.1\.0\.1.*mtu ?= ?1400', said):
        raise LabError(f'no fragmentation needed: {said}')
    said = net.alice.ns.run('ping', '-n', '-c', 1, '-W', 5, '-M', 'do', '-s', 1400, 'fd02::2', check=False).stdout
    if not re.search(r'From fd01::1.*mtu ?= ?1400', said):
        raise LabError(f'no packet too big: {said}')
    # TCP finds its way with what it was told.
    net.alice.iperf3(net.bob, seconds=1)
    expect_order(a, b)


def test_no_route_is_counted(lab):
    net, a, b = routers(lab)
    net.alice.ping('198.51.100.1', count=3, check=False, wait=1)
    if a.drops().get('no-route', 0) < 3:
        raise LabError(f'no-route: {a.drops()}')
    expect_order(a, b)


def test_nothing_is_forwarded_before_ike_has_spoken(lab):
    net, a, b = routers(lab, start=False)
    a.write_config({})
    a.start_dataplane()
    b.start()
    net.alice.ping('10.1.0.1')
    if net.alice.ping(net.bob, count=3, check=False, wait=1):
        raise LabError('forwarding is open although no policy set was sent')
    if a.drops().get('not-synced', 0) < 3:
        raise LabError(f'not-synced: {a.drops()}')
    expect_order(a, b)


def test_a_killed_router_comes_back(lab):
    net, a, b = routers(lab)
    net.alice.ping(net.bob)
    for _ in range(3):
        a.dataplane.kill()
        net.alice.expect_no_answer(net.bob, 'the kernel forwards what the dead dataplane no longer takes')
        a.start_dataplane()
        wait_until(lambda: net.alice.ping(net.bob, count=1, check=False), 'alice reaches bob again', 10)
    expect_order(a, b)


def test_it_ends_on_sigterm(lab):
    net, a, b = routers(lab)
    net.alice.ping(net.bob)
    for number in (signal.SIGTERM, signal.SIGINT):
        a.dataplane.signal(number)
        status = a.dataplane.wait(10)
        if status != 0:
            raise LabError(f'{number!r}: exit status {status}')
        a.start_dataplane()
    wait_until(lambda: net.alice.ping(net.bob, count=1, check=False), 'alice reaches bob again', 10)

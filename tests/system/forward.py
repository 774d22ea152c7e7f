"""Culvert as a plain router: no IPsec, one gateway of ours between two hosts, the far side routed by a kernel.

    alice ---- A (culvert-dataplane) ---- outside ---- B (kernel) ---- bob
"""

from lab import Gateway, LabError
from lab.topology import Topology

SUITE = 'forward'


def router(lab, port):
    net = Topology(lab, sniff=False)
    net.a.routes = [('10.2.0.0/24', '192.0.2.2'), ('fd02::/64', '2001:db8::2')]
    net.b.routes = [('10.1.0.0/24', '192.0.2.1'), ('fd01::/64', '2001:db8::1')]
    net.kernel(net.b)
    # A kernel asks for its neighbours from a link-local address, and the lab's interfaces make none by themselves.
    net.b.ns.address('wan', 'fe80::b/64')
    net.b.ns.address('lan', 'fe80::b/64')
    gateway = Gateway(lab, net.a, 'gateway-a', port=port).start()
    return net, gateway


def expect_books(gateway):
    gateway.expect_balance()
    gateway.expect_drops_only('policy')
    if not gateway.ctl('counters')['balanced']:
        raise LabError('the dataplane says its books do not balance')


def forwards(lab, port):
    net, gateway = router(lab, port)
    for ipv6 in (False, True):
        net.alice.ping(net.bob, ipv6=ipv6)
        net.bob.ping(net.alice, ipv6=ipv6, size=1400)
        net.alice.ping(net.bob, ipv6=ipv6, count=200, interval=0.01)
    net.alice.ping('10.1.0.1')
    net.alice.ping('fd01::1')
    expect_books(gateway)
    rates = {}
    for ipv6 in (False, True):
        for reverse in (False, True):
            rates[ipv6, reverse] = net.alice.iperf3(net.bob, seconds=2, ipv6=ipv6, reverse=reverse)
    lab.note(f'{port}: ' + ', '.join(f'IPv{6 if v6 else 4} {"back" if back else "out"} {rate / 1e9:.2f} Gb/s'
                                     for (v6, back), rate in rates.items()))
    gateway.expect_balance()
    drops = gateway.ctl('counters')
    lab.note(f'{port}: {drops}')


def test_af_xdp(lab):
    forwards(lab, 'af_xdp')


def test_af_packet(lab):
    forwards(lab, 'af_packet')

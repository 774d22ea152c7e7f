"""Culvert to Culvert, over IPv4 and IPv6, outside and inside; and over a plain packet socket."""

from lab import Gateway, Tunnel
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 600
OUTSIDE6 = {'a': '2001:db8::1', 'b': '2001:db8::2'}
INSIDE6 = {'a_ts': 'fd01::/64', 'b_ts': 'fd02::/64'}


def life(lab, ipv6=False, port='af_xdp', rekeys=0, load=False, **tunnel):
    net = Topology(lab)
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a', port), Gateway(lab, net.b, 'culvert-b', port), Tunnel(**tunnel), ipv6).start()
    pair.up('a')
    pair.use()
    if rekeys:
        pair.rekey_many(rekeys)
    if load:
        pair.rekey_under_load()
    pair.down('b')
    pair.expect_order()


def test_rekeys_lose_nothing(lab):
    life(lab, rekeys=20, load=True)


def test_packet_sockets(lab):
    life(lab, port='af_packet', rekeys=2)


def test_udp_encapsulated_with_esn(lab):
    life(lab, encap=True, esp='aes256gcm16-esn')


def test_ipv6_outside(lab):
    life(lab, **OUTSIDE6, rekeys=20)


def test_ipv6_outside_udp_encapsulated(lab):
    life(lab, **OUTSIDE6, encap=True)


def test_ipv6_inside(lab):
    life(lab, ipv6=True, **INSIDE6, rekeys=20)


def test_ipv6_outside_and_inside(lab):
    life(lab, ipv6=True, **OUTSIDE6, **INSIDE6)

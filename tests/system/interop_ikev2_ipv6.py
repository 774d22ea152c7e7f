"""IPv6 outside and inside, with strongSwan and with a real kernel's ESP."""

from lab import Charon, Gateway, Tunnel, UmlKernel
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 600
OUTSIDE6 = {'a': '2001:db8::1', 'b': '2001:db8::2'}
INSIDE6 = {'a_ts': 'fd01::/64', 'b_ts': 'fd02::/64'}


def life(lab, peer, ipv6, rekeys=0, **tunnel):
    net = Topology(lab)
    theirs = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b)) if peer == 'kernel' else \
        Charon(lab, net.kernel(net.b), 'charon-b')
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), theirs, Tunnel(**tunnel), ipv6).start()
    for initiator in ('a', 'b'):
        pair.up(initiator)
        pair.use()
        if initiator == 'a' and rekeys:
            pair.rekey_many(rekeys)
        pair.down(initiator)
    pair.expect_order()


def test_outside_with_a_kernel(lab):
    life(lab, 'kernel', False, rekeys=20, **OUTSIDE6)


def test_outside_and_inside_with_a_kernel(lab):
    life(lab, 'kernel', True, **OUTSIDE6, **INSIDE6)


def test_inside_with_strongswan(lab):
    life(lab, 'strongswan', True, rekeys=20, **INSIDE6)


def test_outside_udp_encapsulated_with_strongswan(lab):
    life(lab, 'strongswan', False, **OUTSIDE6, encap=True)

"""The lab itself: the foreign peers it tests against come up, carry traffic and are watched. No program of ours runs here."""

from lab import Charon, LabError, Probe, Tunnel, UmlKernel, wait_until
from lab.topology import Topology

SUITE = 'lab'


def bring_up(net, a, b, tunnel):
    b.start(tunnel.conf('b'))
    a.start(tunnel.conf('a'))
    a.initiate(tunnel.name)
    wait_until(lambda: len(b.installed(tunnel.name)) == 1, 'the child is installed at the responder')


def exercise(net):
    net.alice.ping(net.bob)
    with Probe(net.alice, net.bob) as probe:
        net.bob.ping(net.alice, count=20)
    # A peer in user space may lose a datagram of its own; what is checked here is the probe, at a rate that is quiet.
    probe.expect_no_loss(allowed=5, why='the peers')
    net.alice.iperf3(net.bob, seconds=1)
    net.alice.iperf3(net.bob, seconds=1, reverse=True)


def test_charon_to_charon_raw_esp(lab):
    net = Topology(lab)
    tunnel = Tunnel()
    bring_up(net, Charon(lab, net.kernel(net.a), 'charon-a'), Charon(lab, net.kernel(net.b), 'charon-b'), tunnel)
    exercise(net)
    net.sniffer.expect_no_plaintext()


def test_charon_to_charon_behind_nat(lab):
    net = Topology(lab, nat=True)
    tunnel = Tunnel(a='10.99.0.2', b_connection={'remote_addrs': '%any'})
    bring_up(net, Charon(lab, net.kernel(net.a), 'charon-a'), Charon(lab, net.kernel(net.b), 'charon-b'), tunnel)
    exercise(net)
    net.sniffer.expect_no_plaintext()


def test_charon_to_a_real_kernel(lab):
    net = Topology(lab)
    tunnel = Tunnel()
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    bring_up(net, Charon(lab, net.kernel(net.a), 'charon-a'), kernel, tunnel)
    exercise(net)
    if kernel.xfrm_errors():
        raise LabError(f'the kernel counts errors: {kernel.xfrm_errors()}')
    net.sniffer.expect_no_plaintext()


def test_the_sniffer_sees_plaintext(lab):
    net = Topology(lab)
    for side, other in ((net.a, net.b), (net.b, net.a)):
        net.kernel(side).route(other.lan_addresses[0].replace('.1/24', '.0/24'), other.wan_addresses[0].split('/')[0])
    net.alice.ping(net.bob)
    if len(net.sniffer.leaks()) < 3:
        raise LabError('pings in clear went by unseen')

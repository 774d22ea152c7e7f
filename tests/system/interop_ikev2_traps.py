"""Tunnels that come up by themselves, with strongSwan: traps, and what follows of a tunnel's end."""

from lab import LabError, Tunnel, wait_until
from lab.cases import Cases

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True


def reaches(lab):
    """The first packets raise the tunnel, and may be lost on that."""
    return lab.net.alice.ping(lab.net.bob, count=1, wait=1, check=False)


def expect_up_by_packets(lab):
    wait_until(lambda: reaches(lab), 'alice reaches bob', 20)
    lab.pair.expect_one_child()


def test_a_packet_raises_its_tunnel(lab):
    lab = Cases(lab)
    lab.begin(Tunnel(a_child={'start_action': 'trap', 'close_action': 'trap'}))
    if lab.ours.sas():
        raise LabError('up before any packet')
    expect_up_by_packets(lab)
    # The trap is there again, whoever ends the tunnel.
    for by in 'ba':
        lab.down(by)
        expect_up_by_packets(lab)
    lab.pair.expect_order()


def test_a_tunnel_starts_and_starts_again(lab):
    lab = Cases(lab)
    lab.begin(Tunnel(a_child={'start_action': 'start', 'close_action': 'start'}))
    lab.pair.expect_one_child()
    lab.charon.terminate('net')
    lab.pair.expect_one_child(timeout=30)
    lab.net.alice.ping(lab.net.bob)
    lab.pair.expect_order()

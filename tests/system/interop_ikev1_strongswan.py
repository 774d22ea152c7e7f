"""IKEv1 with strongSwan 6.0 in user space: main mode with pre-shared keys and quick mode, by raw ESP, in UDP and behind a NAT."""

from interop_ikev2_strongswan import pair as pair_of
from lab import Charon, Gateway, LabError, Probe, ikev1_tunnel, wait_until
from lab.ikev1 import Ikev1Pair
from lab.topology import Topology

SUITE = 'interop-ikev1'
TIMEOUT = 300
IKE, ESP = 'aes256-sha256-modp2048', 'aes256gcm16'


def pair(lab, connection=None, **options):
    """Culvert on one side, charon on the other."""
    return pair_of(lab, **{'kind': Ikev1Pair, 'ike': IKE, 'esp': ESP, **options, 'connection': {'version': 1, **(connection or {})}})


def whole_life(lab, initiators='ab', **options):
    tunnel = pair(lab, **options)
    for initiator in initiators:
        tunnel.up(initiator)
        tunnel.use()
        tunnel.down(initiator)
    tunnel.expect_order()


def rekeys(lab, count=6, **options):
    tunnel = pair(lab, **options)
    tunnel.up()
    tunnel.rekey_many(count)
    if options.get('nat') and '[4500]' not in tunnel.a.sas_text():
        raise LabError(f'not on port 4500: {tunnel.a.sas_text()}')
    tunnel.down('b')
    tunnel.expect_order()


def test_raw_esp(lab):
    whole_life(lab)


def test_udp_encapsulated(lab):
    """Without a NAT: each side hides its address in the NAT-D payloads it sends."""
    whole_life(lab, encap=True)


def test_we_are_behind_a_nat(lab):
    rekeys(lab, 2, nat=True)


def test_they_are_behind_a_nat(lab):
    whole_life(lab, 'a', nat=True, ours='b')


def test_rekeys_lose_nothing(lab):
    rekeys(lab)


def test_rekeys_with_a_key_exchange(lab):
    rekeys(lab, 2, esp='aes256-sha256-modp2048')


def by_the_clock_of(lab, side):
    """That side makes both again when their time comes: three of each, and nothing lost."""
    soon = {f'{side}_child': {'rekey_time': '2s', 'life_time': '60s', 'rand_time': '0s'},
            f'{side}_connection': {'reauth_time': '5s', 'rand_time': '0s'}}
    tunnel = pair(lab, **soon)
    tunnel.up(side)
    seen = {'ike': set(), 'child': set()}

    def three_of_each():
        for kind, numbers in seen.items():
            numbers.add(tunnel.newest(tunnel.a, kind))
        return all(len(numbers) > 2 for numbers in seen.values())
    before = tunnel.losses_elsewhere()
    with Probe(tunnel.net.alice, tunnel.net.bob) as probe:
        wait_until(three_of_each, 'three IKE SAs and three children', 40, interval=0.2)
    tunnel.expect_no_loss(probe, before)
    tunnel.down('a')
    tunnel.expect_order()


def test_rekeys_by_our_clock(lab):
    by_the_clock_of(lab, 'a')


def test_rekeys_by_the_peers_clock(lab):
    """charon deletes a child that was replaced only when it runs out."""
    by_the_clock_of(lab, 'b')


def test_a_dead_peer_is_noticed(lab):
    net = Topology(lab)
    a, b = Gateway(lab, net.a, 'culvert-a', control={'retransmit_tries': 3}), Charon(lab, net.kernel(net.b), 'charon-b')
    tunnel = Ikev1Pair(net, a, b, ikev1_tunnel(a_connection={'dpd_delay': '1s', 'dpd_timeout': '4s'})).start()
    tunnel.up()
    tunnel.b.kill()
    wait_until(lambda: not tunnel.a.sas(), 'the SA of a dead peer is gone', 60)
    net.alice.expect_no_answer(net.bob, 'a dead peer answers')
    tunnel.expect_order()

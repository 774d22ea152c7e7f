"""IKEv2 with strongSwan 6.0 in user space: raw ESP, UDP-encapsulated, behind a NAT."""

from lab import Charon, Gateway, LabError, Tunnel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 600


def pair(lab, nat=False, ours='a', kind=Pair, **tunnel):
    """Culvert on one side, charon on the other."""
    net = Topology(lab, nat=nat)
    if nat:
        # The responder does not know from where the hidden side comes.
        tunnel = {'a': '10.99.0.2', 'b_connection': {'remote_addrs': '%any'}, **tunnel}
    if ours == 'a':
        a, b = Gateway(lab, net.a, 'culvert-a'), Charon(lab, net.kernel(net.b), 'charon-b')
    else:
        a, b = Charon(lab, net.kernel(net.a), 'charon-a'), Gateway(lab, net.b, 'culvert-b')
    return kind(net, a, b, Tunnel(**tunnel)).start()


def whole_life(lab, initiator, **options):
    tunnel = pair(lab, **options)
    tunnel.up(initiator)
    tunnel.use()
    tunnel.down(initiator)
    tunnel.expect_order()


def rekeys(lab, **options):
    tunnel = pair(lab, **options)
    tunnel.up()
    tunnel.rekey_many()
    tunnel.rekey_under_load()
    tunnel.down('b')
    tunnel.expect_order()


def test_raw_esp_we_initiate(lab):
    whole_life(lab, 'a')


def test_raw_esp_they_initiate(lab):
    whole_life(lab, 'b')


def test_raw_esp_rekeys_lose_nothing(lab):
    rekeys(lab)


def test_udp_encapsulated_we_initiate(lab):
    whole_life(lab, 'a', encap=True)


def test_udp_encapsulated_they_initiate(lab):
    whole_life(lab, 'b', encap=True)


def test_udp_encapsulated_rekeys_lose_nothing(lab):
    rekeys(lab, encap=True)


def test_we_are_behind_a_nat(lab):
    whole_life(lab, 'a', nat=True)


def test_we_are_behind_a_nat_rekeys_lose_nothing(lab):
    rekeys(lab, nat=True)


def test_they_are_behind_a_nat(lab):
    whole_life(lab, 'a', nat=True, ours='b')


def test_we_follow_a_peer_whose_nat_forgets_it(lab):
    tunnel = pair(lab, nat=True, ours='b')
    tunnel.up()
    tunnel.use()
    tunnel.net.nat.remap()
    # The first packet from behind the NAT tells the new port; until then nobody can reach it.
    wait_until(lambda: tunnel.net.alice.ping(tunnel.net.bob, count=1, check=False), 'alice reaches bob again', 60)
    tunnel.use()
    tunnel.down('a')
    tunnel.expect_order()


def test_chacha20_poly1305(lab):
    whole_life(lab, 'a', ike='chacha20poly1305-prfsha256-x25519', esp='chacha20poly1305')


def test_aes_cbc_with_sha2(lab):
    whole_life(lab, 'b', ike='aes256-sha512-modp2048', esp='aes256-sha512')


def test_child_rekeys_with_a_key_exchange(lab):
    tunnel = pair(lab, esp='aes256gcm16-ecp256', ike='aes256gcm16-prfsha384-ecp384')
    tunnel.up()
    tunnel.rekey_many(count=4)
    tunnel.down('a')
    tunnel.expect_order()


def test_a_dead_peer_is_noticed(lab):
    net = Topology(lab)
    a, b = Gateway(lab, net.a, 'culvert-a', control={'retransmit_tries': 3}), Charon(lab, net.kernel(net.b), 'charon-b')
    tunnel = Pair(net, a, b, Tunnel(a_connection={'dpd_delay': '1s'})).start()
    tunnel.up()
    tunnel.b.kill()
    wait_until(lambda: not tunnel.a.sas(), 'the SA of a dead peer is gone', 60)
    tunnel.net.alice.expect_no_answer(tunnel.net.bob, 'a dead peer answers')
    tunnel.expect_order()

"""IKEv1 with libreswan 5.2 over a real Linux kernel's ESP: main mode with pre-shared keys and with RSA, both roles."""

from lab import Gateway, ikev1_tunnel
from lab.host import Probe
from lab.ikev1 import Ikev1Pair
from lab.libreswan import Libreswan, conf_of
from lab.pki import folder_of, hold, root
from lab.topology import Topology

SUITE = 'interop-ikev1'
TIMEOUT = 300
SIGN = {'authby': 'rsasig', 'leftcert': 'own', 'leftsendcert': 'always', 'rightca': '%any'}


def tunnel_of(**more):
    return ikev1_tunnel(esp='aes256-sha256-modp2048', **more)


def both_roles(pair):
    for initiator in 'ab':
        pair.up(initiator)
        pair.use()
        pair.down(initiator)


def renewed(pair):
    """libreswan has no rekeying of its own: another quick mode is what it does."""
    before = pair.b.policy_losses()
    with Probe(pair.net.alice, pair.net.bob) as probe:
        pair.renew(pair.a, 'child')
        pair.renew(pair.b, 'child')
        pair.renew(pair.a, 'ike')
        pair.renew(pair.a, 'child')
    lost = pair.b.policy_losses() - before
    probe.expect_no_loss(allowed=lost, why=f'{lost} that met no policy in its kernel')


def test_main_mode(lab):
    net, ca = Topology(lab), root(kind='rsa2048')
    pluto = Libreswan(lab, net.b.ns, 'libreswan-b', net.kernel_interfaces(net.b))
    gateway = Gateway(lab, net.a, 'culvert-a')
    tunnel = tunnel_of()
    options, secrets = conf_of(tunnel, 'b')
    pluto.start(options, secrets, ca.issue('b', 'rsa2048'), [ca])
    pluto.sh('ip route add default via 192.0.2.1')
    gateway.start(tunnel.conf('a'))
    pair = Ikev1Pair(net, gateway, pluto, tunnel)
    both_roles(pair)
    pair.up('a')
    renewed(pair)
    pair.down('b')
    # RSA signatures; each sends its certificate unasked, which libreswan as the responder does not ask for.
    pluto.load({**options, **SIGN})
    gateway.ike.stop()
    hold(folder_of(gateway), ca.issue('a', 'rsa2048'), [ca])
    signed = tunnel_of(a_connection={'local': {'auth': 'pubkey', 'certs': 'own.pem', 'id': 'a.lab'},
                                     'remote': {'auth': 'pubkey', 'id': 'b.lab'}, 'send_cert': 'always'})
    gateway.write_config(signed.conf('a'))
    gateway.start_ike()
    both_roles(Ikev1Pair(net, gateway, pluto, signed))
    # Between its SAs pluto has no policy, and its kernel forwards what bob still sends.
    pair.expect_order(but_from='10.2.0.0/24')

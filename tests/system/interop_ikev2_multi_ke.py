"""Several key exchanges for one SA (RFC 9370) and messages in fragments (RFC 7383), with strongSwan.

ML-KEM needs strongSwan 6.1, which Debian 13 does not have: that peer runs from a second root, and where there is none its tests
are skipped."""

from interop_ikev2_strongswan import pair
from lab import Charon, Gateway, LabError, Tunnel
from lab.newer_root import NewerCharon
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True
TIMEOUT = 900

CLASSICAL = 'x25519-ke1_x448-ke2_ecp384'


def life(tunnel, initiator):
    """Up, traffic, two rekeyings of each kind from each side, traffic, down."""
    tunnel.up(initiator)
    tunnel.use()
    tunnel.rekey_many(count=4)
    tunnel.use()
    tunnel.down(initiator)
    tunnel.expect_order()


def methods(ike, esp=None, **options):
    return {'ike': f'aes256gcm16-prfsha384-{ike}', 'esp': f'aes256gcm16-{esp or ike}', **options}


def test_three_methods_we_initiate(lab):
    life(pair(lab, **methods(CLASSICAL)), 'a')


def test_three_methods_they_initiate(lab):
    life(pair(lab, **methods(CLASSICAL)), 'b')


def test_three_methods_in_small_fragments(lab):
    # Most messages but IKE_SA_INIT take several.
    small = {'fragment_size': 150}
    net = Topology(lab)
    a, b = Gateway(lab, net.a, 'culvert-a', control=small), Charon(lab, net.kernel(net.b), 'charon-b', settings=small)
    tunnel = Pair(net, a, b, Tunnel(**methods(CLASSICAL))).start()
    life(tunnel, 'a')
    for fragments in ('parsed IKE_AUTH request 3 [ EF(1/', 'generating IKE_AUTH response 3 [ EF(1/'):
        if fragments not in b.log_text():
            raise LabError(f'charon did not say: {fragments}')


def newer(lab, ours, **options):
    net = Topology(lab)
    if ours == 'a':
        a, b = Gateway(lab, net.a, 'culvert-a'), NewerCharon(lab, net.kernel(net.b), 'charon-b')
    else:
        a, b = NewerCharon(lab, net.kernel(net.a), 'charon-a'), Gateway(lab, net.b, 'culvert-b')
    return Pair(net, a, b, Tunnel(**options)).start()


def test_ml_kem_768_we_initiate(lab):
    life(newer(lab, 'a', **methods('x25519-ke1_mlkem768')), 'a')


def test_ml_kem_768_they_initiate(lab):
    life(newer(lab, 'b', **methods('x25519-ke1_mlkem768-ke2_ecp384')), 'a')


def test_ml_kem_512_first(lab):
    life(newer(lab, 'a', **methods('mlkem512-ke1_x25519')), 'a')


def test_ml_kem_1024(lab):
    life(newer(lab, 'b', **methods('ecp384-ke1_mlkem1024')), 'a')

"""Post-quantum pre-shared keys (RFC 8784) with strongSwan: in both roles, required and optional, known and not."""

from lab import Charon, Gateway, LabError, Tunnel
from lab.pki import folder_of, hold, root
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'

KEY = '0x' + 32 * 'a5'
OTHER = '0x' + 32 * '5a'


class Keyed:
    """Culvert is a, charon b; both run through all cases of a test."""

    def __init__(self, lab):
        self.net = Topology(lab)
        self.ours, self.charon = Gateway(lab, self.net.a, 'culvert-a'), Charon(lab, self.net.kernel(self.net.b), 'charon-b')
        self.pair, self._read = None, 0

    def case(self, ours, theirs, **tunnel):
        """`ours` and `theirs`: what each has, as {'name', 'key', 'required'}; 'name' without 'key' is asked for and not there."""
        tunnel = Tunnel(**tunnel)
        conf = {side: tunnel.conf(side) for side in 'ab'}
        for side, ppk in (('a', ours), ('b', theirs)):
            connection, secrets = conf[side]['connections']['net'], conf[side]['secrets']
            connection.update({'ppk_id': ppk.get('name'), 'ppk_required': ppk.get('required', False)})
            if 'key' in ppk:
                secrets['ppk-net'] = {'id': ppk['name'], 'secret': ppk['key']}
        if self.pair:
            self.charon.load(conf['b'])
            self.ours.ike.stop()     # it has given up the rights to read these files anew
            self.ours.write_config(conf['a'])
            self.ours.start_ike()
        else:
            self.charon.start(conf['b'])
            self.ours.start(conf['a'])
        self.pair, self._read = Pair(self.net, self.ours, self.charon, tunnel), len(self.ours.log_text())
        return self

    def up(self, initiator, ppk):
        self.pair.up(initiator)
        self.expect_ppk(ppk)
        self.net.alice.ping(self.net.bob)

    def expect_ppk(self, ppk):
        for gateway in (self.ours, self.charon):
            if ('/PPK' in gateway.sas_text()) != ppk:
                raise LabError(f'{gateway.name}: {"no" if ppk else "a"} post-quantum key in {gateway.sas_text()}')

    def down(self, by='a'):
        (self.ours if by == 'a' else self.charon).terminate('net')
        self.pair.expect_nothing_left()

    def both_roles(self, ppk, said=''):
        for initiator in 'ab':
            self.up(initiator, ppk)
            self.down(initiator)
        self.expect_said(said)

    def neither_role(self, *said):
        for first in (self.ours, self.charon):
            first.initiate('net', check=False)
            # What is half-open may stay so for 30 s.
            up = [sa for gateway in (self.ours, self.charon) for sa in gateway.sas() if sa.state != 'CONNECTING']
            if up:
                raise LabError(f'up all the same: {up}')
        self.expect_said(*said)

    def expect_said(self, *said):
        log = self.ours.log_text()[self._read:]
        for text in said:
            if text not in log:
                raise LabError(f'our log does not say "{text}": {log[-1200:]}')


def has(key=KEY, required=False, name='ppk.lab'):
    return {'name': name, 'key': key, 'required': required}


def test_with_the_key(lab):
    lab = Keyed(lab)
    lab.case(has(required=True), has(required=True)).up('a', True)
    lab.pair.rekey_many(count=2)
    lab.expect_ppk(True)
    lab.down()
    lab.expect_said('; with the post-quantum key ppk.lab')
    # Mixed into the last of several key exchanges; optional, so AUTH goes twice. (Names are text: charon reads what it is sent
    # as if it stood in a file, so octets that are none are no name to it.)
    lab.case(has(), has(), ike='aes128gcm16-prfsha256-x25519-ke1_ecp384').both_roles(True)
    # Signatures, of the mixed key and of the plain one.
    ca, pubkey = root(), {'auth': 'pubkey'}
    for gateway, holder in ((lab.ours, ca.issue('a')), (lab.charon, ca.issue('b'))):
        hold(folder_of(gateway), holder, [ca])
    certs = {f'{side}_connection': {'local': {**pubkey, 'certs': 'own.pem', 'id': f'{side}.lab'},
                                    'remote': {**pubkey, 'id': f'{peer}.lab'}} for side, peer in ('ab', 'ba')}
    lab.case(has(), has(), **certs).both_roles(True)
    # A peer that agrees to use one and has none goes by NO_PPK_AUTH.
    lab.case(has(), {'name': 'ppk.lab'}, **certs).up('a', False)
    lab.down()
    lab.expect_said('not with the post-quantum key')
    lab.pair.expect_order()


def test_without_the_key(lab):
    lab = Keyed(lab)
    lab.case(has(), {}).both_roles(False, 'not with the post-quantum key ppk.lab: the peer does not use it')
    lab.case(has(required=True), {}).neither_role('no USE_PPK', 'net requires a post-quantum key')
    lab.case({}, has(required=True)).neither_role('AUTHENTICATION_FAILED')
    lab.case(has(required=True), has(OTHER)).neither_role('the post-quantum key may differ')
    lab.case(has(required=True), has(name='other.lab')).neither_role('net requires a post-quantum key, and not other.lab')
    lab.pair.expect_order()

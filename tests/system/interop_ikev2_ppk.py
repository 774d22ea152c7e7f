"""Post-quantum pre-shared keys (RFC 8784) with strongSwan: in both roles, required and optional, known and not."""

from lab import LabError, Tunnel
from lab.cases import Cases
from lab.pki import folder_of, hold, root

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True

KEY = '0x' + 32 * 'a5'
OTHER = '0x' + 32 * '5a'


class Keyed(Cases):
    def case(self, ours, theirs, **tunnel):
        """`ours` and `theirs`: what each has, as {'name', 'key', 'required'}; 'name' without 'key' is asked for and not there."""
        tunnel = Tunnel(**tunnel)
        conf = {side: tunnel.conf(side) for side in 'ab'}
        for side, ppk in (('a', ours), ('b', theirs)):
            connection, secrets = conf[side]['connections']['net'], conf[side]['secrets']
            connection.update({'ppk_id': ppk.get('name'), 'ppk_required': ppk.get('required', False)})
            if 'key' in ppk:
                secrets['ppk-net'] = {'id': ppk['name'], 'secret': ppk['key']}
        self.begin(tunnel, conf['a'], conf['b'])
        return self

    def up_with(self, ppk, initiator='a'):
        self.up(initiator)
        self.expect_ppk(ppk)

    def expect_ppk(self, ppk):
        for gateway in (self.ours, self.charon):
            if ('/PPK' in gateway.sas_text()) != ppk:
                raise LabError(f'{gateway.name}: {"no" if ppk else "a"} post-quantum key in {gateway.sas_text()}')

    def both_roles(self, ppk, *said):
        for initiator in 'ab':
            self.up_with(ppk, initiator)
            self.down(initiator)
        self.expect_said(*said)

    def neither_role(self, *said):
        self.refused()
        self.expect_said(*said)


def has(key=KEY, required=False, name='ppk.lab'):
    return {'name': name, 'key': key, 'required': required}


def test_with_the_key(lab):
    lab = Keyed(lab)
    lab.case(has(required=True), has(required=True)).up_with(True)
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
    lab.case(has(), {'name': 'ppk.lab'}, **certs).up_with(False)
    lab.down()
    lab.expect_said('not with the post-quantum key')
    lab.end()


def test_without_the_key(lab):
    lab = Keyed(lab)
    lab.case(has(), {}).both_roles(False, 'not with the post-quantum key ppk.lab: the peer does not use it')
    lab.case(has(required=True), {}).neither_role('no USE_PPK', 'net requires a post-quantum key')
    lab.case({}, has(required=True)).neither_role('AUTHENTICATION_FAILED')
    lab.case(has(required=True), has(OTHER)).neither_role('the post-quantum key may differ')
    lab.case(has(required=True), has(name='other.lab')).neither_role('net requires a post-quantum key, and not other.lab')
    lab.end()

"""IKEv2 with certificates: every kind of key with strongSwan in both roles, chains, and what must be refused and why."""

from lab import Charon, Gateway, LabError, Tunnel, run
from lab.pki import folder_of, place, root
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 300


class Certified:
    """Culvert is a, charon b. `a` and `b` are what each holds; the rest of the connection is told as in swanctl.conf."""

    def __init__(self, lab, a, b, a_trusts, b_trusts=None, *, local=None, remote=None, charon_local=None, charon_remote=None,
                 a_crls=(), settings=None, secrets=None, passphrase=None):
        net = self.net = Topology(lab)
        self.ours = Gateway(lab, net.a, 'culvert-a')
        self.charon = Charon(lab, net.kernel(net.b), 'charon-b', settings=settings)
        place(folder_of(self.ours), a, a_trusts, a_crls, passphrase)
        place(folder_of(self.charon), b, b_trusts if b_trusts is not None else a_trusts)
        pubkey = {'auth': 'pubkey'}
        mine, theirs = {**pubkey, 'certs': 'own.pem', 'id': 'a.lab'}, {**pubkey, 'certs': 'own.pem', 'id': 'b.lab'}
        tunnel = Tunnel(
            a_connection={'local': {**(mine if a else {}), **(local or {})}, 'remote': {**pubkey, 'id': 'b.lab', **(remote or {})}},
            b_connection={'local': {**theirs, **(charon_local or {})}, 'remote': {**pubkey, 'id': 'a.lab', **(charon_remote or {})}})
        self.pair = Pair(net, self.ours, self.charon, tunnel)
        conf = tunnel.conf('a')
        conf['secrets'].update(secrets or {})
        self.charon.start(tunnel.conf('b'))
        self.ours.start(conf)

    def both_roles(self, *said):
        """Up by either side, used and down again. `said`: what our log must show of how each was authenticated."""
        for initiator in 'ab':
            self.pair.up(initiator)
            self.net.alice.ping(self.net.bob)
            self.pair.down(initiator)
        log = self.ours.log_text()
        for text in said:
            if log.count(text) < 2:
                raise LabError(f'our log says "{text}" {log.count(text)} times, expected both times: {log[-800:]}')
        self.pair.expect_order()

    def neither_role(self, why, by_us=True):
        """Refused whoever begins; `why` is in our log where we refuse (by_us), and in charon's where charon does."""
        for first in (self.ours, self.charon):
            first.initiate('net', check=False)
            if self.pair.children()[0]:
                raise LabError('a child is up all the same')
        log = self.ours.log_text() if by_us else self.charon.log_text()
        if why not in log:
            raise LabError(f'no "{why}" in the log: {log[-800:]}')
        if by_us and 'AUTHENTICATION_FAILED' not in self.ours.log_text():
            raise LabError('the initiator was not told AUTHENTICATION_FAILED')
        for sa in self.charon.sas():
            self.charon.terminate(sa.name)
        self.pair.expect_nothing_left()
        self.pair.expect_order()


def simple(lab, kind, *said, **options):
    ca = root()
    Certified(lab, ca.issue('a', kind), ca.issue('b', kind), [ca], **options).both_roles(*said)


def test_rsa_pss(lab):
    simple(lab, 'rsa3072', '; by RSA-PSS with SHA2-', settings={'rsa_pss': 'yes'}, charon_remote={'auth': 'ike:rsa/pss'})


def test_rsa_pkcs1(lab):
    simple(lab, 'rsa2048', '; by RSA with SHA2-', local={'auth': 'ike:rsa-sha256'}, remote={'auth': 'ike:rsa-sha256-sha384-sha512'})


def test_ecdsa_256(lab):
    simple(lab, 'ecdsa256', '; by ECDSA-256 with SHA2-256 of C=CH, O=Lab, CN=b')


def test_ecdsa_384(lab):
    simple(lab, 'ecdsa384', '; by ECDSA-384 with SHA2-384')


def test_ecdsa_521(lab):
    simple(lab, 'ecdsa521', '; by ECDSA-521 with SHA2-512')


def test_ed25519(lab):
    simple(lab, 'ed25519', '; by Ed25519 of')


def test_ed448(lab):
    simple(lab, 'ed448', '; by Ed448 of')


def test_methods_of_old(lab):
    """A peer without RFC 7427: methods 9 and 1."""
    simple(lab, 'ecdsa384', '; by ECDSA-384 with SHA2-384', settings={'signature_authentication': 'no'})


def test_intermediates_on_both_sides(lab):
    ca = root(kind='rsa3072')
    left, right = ca.authority('left', 'ecdsa384'), ca.authority('right', 'ed25519')
    # Each has its own intermediate beside the root and sends it along.
    Certified(lab, left.issue('a', 'rsa2048'), right.issue('b'), [ca, left], [ca, right],
              remote={'cacerts': 'root.pem'}).both_roles('; by ECDSA-256 with SHA2-256')


def test_locked_key_and_subjects_as_identities(lab):
    ca = root()
    a, b = ca.issue('a'), ca.issue('b')
    Certified(lab, a, b, [ca], passphrase=b'swordfish', local={'id': f'"{a.subject()}"'}, remote={'id': '"C=CH, O=*, CN=b"'},
              charon_local={'id': f'"{b.subject()}"'}, charon_remote={'id': f'"{a.subject()}"'},
              secrets={'private-own': {'file': 'own.pem', 'secret': 'swordfish'}}).both_roles('IKE SA up with C=CH, O=Lab, CN=b')


def test_a_secret_one_way_and_a_certificate_the_other(lab):
    ca = root()
    Certified(lab, None, ca.issue('b'), [ca], local={'auth': 'psk', 'id': 'a.lab'},
              charon_remote={'auth': 'psk'}).both_roles('; by ECDSA-256')


def test_another_authority_is_refused(lab):
    ca, other = root(), root('other')
    Certified(lab, ca.issue('a'), other.issue('b'), [ca], [ca, other]).neither_role('unable to get local issuer certificate')


def test_expired_is_refused(lab):
    ca = root()
    Certified(lab, ca.issue('a'), ca.issue('b', expired=True), [ca]).neither_role('it has expired')


def test_another_identity_is_refused(lab):
    ca = root()
    Certified(lab, ca.issue('a'), ca.issue('c'), [ca], charon_local={'id': 'c.lab'}).neither_role('wants the peer to be b.lab')


def test_revoked_is_refused(lab):
    ca = root()
    b = ca.issue('b')
    Certified(lab, ca.issue('a'), b, [ca], a_crls=[ca.crl([b])]).neither_role('certificate revoked')


def test_strict_wants_a_list(lab):
    ca = root()
    Certified(lab, ca.issue('a'), ca.issue('b'), [ca], remote={'revocation': 'strict'}).neither_role('unable to get certificate CRL')


def test_strict_with_a_list(lab):
    ca = root()
    Certified(lab, ca.issue('a'), ca.issue('b'), [ca], a_crls=[ca.crl()], remote={'revocation': 'strict'}).both_roles('; by ECDSA-256')


def test_a_key_of_another_kind_is_refused(lab):
    ca = root()
    Certified(lab, ca.issue('a'), ca.issue('b'), [ca], remote={'auth': 'rsa'}).neither_role('auth = rsa does not admit ECDSA-256')


def test_files_are_checked_where_they_are_named(lab):
    ca, other = root(), root('other')
    conf = lab.work / 'culvert.conf'
    conf.touch(mode=0o600)
    conf.write_text('control { connections { x { children { c { } }\n local { certs = own.pem\n id = a.lab }\n'
                    ' remote { id = b.lab }\n } } }\n')
    cases = (
        (dict(own=ca.issue('a'), authorities=[ca]), 0, ''),
        (dict(own=ca.issue('a', expired=True)), 78, 'error: culvert.conf:2: connections.x.local.certs: x509/own.pem has expired'),
        (dict(own=ca.issue('a'), passphrase=b'swordfish'), 78, 'error: private/own.pem: is encrypted'),
        (dict(own=ca.issue('c')), 0, 'warning: culvert.conf:2: connections.x.local.certs: x509/own.pem does not prove the id a.lab'),
    )
    for held, status, line in cases:
        place(lab.work / 'swanctl', **held)
        done = run(lab.programs / 'culvert-ike', '--config', lab.work, '--check', check=False)
        if done.returncode != status or line not in done.stdout:
            raise LabError(f'--check: {done.returncode}: {done.stdout}; expected {status}: {line}')
    (lab.work / 'swanctl/private/own.pem').write_bytes(other.key_pem())
    done = run(lab.programs / 'culvert-ike', '--config', lab.work, '--check', check=False)
    if done.returncode != 78 or 'none of the private keys belongs to x509/own.pem' not in done.stdout:
        raise LabError(f'--check: {done.returncode}: {done.stdout}')

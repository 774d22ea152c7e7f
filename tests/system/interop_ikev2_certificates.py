"""IKEv2 with certificates: every kind of key with strongSwan in both roles, chains, and what must be refused and why.

charon and our data plane run through all cases of a test, each of which has files and connections of its own."""

import sys
import time
from pathlib import Path

from lab import LabError, Tunnel, run
from lab.cases import Cases
from lab.charon import PLUGINS
from lab.pki import folder_of, hold, root, self_signed
from lab.process import Daemon

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True
TIMEOUT = 300


class Certified(Cases):
    def case(self, a, b, a_trusts, b_trusts=None, *, local=None, remote=None, charon_local=None, charon_remote=None,
             secrets=None, a_more=None, b_more=None, connection=None, charon_connection=None):
        """`a` and `b` are what each holds, a Holder or None; the rest of the connection is told as in swanctl.conf,
        `connection` being more keys of ours, and further files as keywords of lab.pki.hold()."""
        hold(folder_of(self.ours), a, a_trusts, **(a_more or {}))
        hold(folder_of(self.charon), b, b_trusts if b_trusts is not None else a_trusts, **(b_more or {}))
        pubkey = {'auth': 'pubkey'}
        mine, theirs = {**pubkey, 'certs': 'own.pem', 'id': 'a.lab'}, {**pubkey, 'certs': 'own.pem', 'id': 'b.lab'}
        tunnel = Tunnel(
            a_connection={**(connection or {}), 'local': {**(mine if a else {}), **(local or {})}, 'remote': {**pubkey, 'id': 'b.lab', **(remote or {})}},
            b_connection={**(charon_connection or {}), 'local': {**theirs, **(charon_local or {})}, 'remote': {**pubkey, 'id': 'a.lab', **(charon_remote or {})}})
        conf = tunnel.conf('a')
        conf['secrets'].update(secrets or {})
        self.begin(tunnel, conf)
        return self

    def both_roles(self, said):
        """Up by either side, used and down again. `said` of how each authenticated is in our log both times."""
        for initiator in 'ab':
            self.up(initiator)
            self.down(initiator)
        self.expect_said(said, times=2)

    def neither_role(self, why, times=2):
        """Refused whoever begins: by us, with `why` in our log, and with AUTHENTICATION_FAILED to an initiator. `times` is 1
        where charon is first to refuse what we begin."""
        self.refused()
        self.pair.expect_nothing_left()
        self.expect_said(why, times=times)
        self.expect_said('AUTHENTICATION_FAILED')


def kinds(lab, *cases, settings=None, **options):
    lab = Certified(lab, settings)
    for kind, said in cases:
        ca = root()
        lab.case(ca.issue('a', kind), ca.issue('b', kind), [ca], **options).both_roles(said)
    lab.end()


def test_every_kind_of_key(lab):
    kinds(lab, ('ecdsa256', '; by ECDSA-256 with SHA2-256 of C=CH, O=Lab, CN=b'), ('ecdsa384', '; by ECDSA-384 with SHA2-384'),
          ('ecdsa521', '; by ECDSA-521 with SHA2-512'), ('ed25519', '; by Ed25519 of'), ('ed448', '; by Ed448 of'))


def test_rsa_pkcs1(lab):
    kinds(lab, ('rsa2048', '; by RSA with SHA2-'), local={'auth': 'ike:rsa-sha256'},
          remote={'auth': 'ike:rsa-sha256-sha384-sha512'})


def test_rsa_pss(lab):
    kinds(lab, ('rsa3072', '; by RSA-PSS with SHA2-'), settings={'rsa_pss': 'yes'}, charon_remote={'auth': 'ike:rsa/pss'})


def test_methods_of_old(lab):
    """A peer without RFC 7427: methods 9, 10 and 11."""
    kinds(lab, ('ecdsa256', '; by ECDSA-256 with SHA2-256'), ('ecdsa384', '; by ECDSA-384 with SHA2-384'),
          ('ecdsa521', '; by ECDSA-521 with SHA2-512'), settings={'signature_authentication': 'no'})


def test_method_1_by_sha_1_is_refused_but_by_profile(lab):
    """charon signs with it, and takes nothing else, where it does without RFC 7427."""
    lab, ca = Certified(lab, {'signature_authentication': 'no'}), root(kind='rsa2048')
    lab.case(ca.issue('a', 'rsa2048'), ca.issue('b', 'rsa2048'), [ca])
    lab.charon.initiate('net', check=False)
    if 'AUTH: its signature is by SHA-1' not in lab.ours.log_text():
        raise LabError(f'our log does not say why: {lab.ours.log_text()[-800:]}')
    lab.pair.expect_nothing_left()
    lab.case(ca.issue('a', 'rsa2048'), ca.issue('b', 'rsa2048'), [ca], local={'auth': 'ike:rsa-sha1'},
             connection={'profile': 'legacy'}).both_roles('; by RSA with SHA-1 of C=CH, O=Lab, CN=b')
    lab.end()


def test_chains_files_and_identities(lab):
    lab, ca, other = Certified(lab), root(kind='rsa3072'), root('other')
    left, right = ca.authority('left', 'ecdsa384'), ca.authority('right', 'ed25519')
    # Each has its own intermediate beside the root and sends it along.
    lab.case(left.issue('a', 'rsa2048'), right.issue('b'), [ca, left], [ca, right],
             remote={'cacerts': 'root.pem'}).both_roles('; by ECDSA-256 with SHA2-256')
    # A locked key, subjects as identities, and a wildcard in one.
    a, b = ca.issue('a'), ca.issue('b')
    locked = {'private-own': {'file': 'own.pem', 'secret': 'swordfish'}}
    lab.case(a, b, [ca], a_more={'passphrase': b'swordfish'}, secrets=locked, local={'id': f'"{a.subject()}"'},
             remote={'id': '"C=CH, O=*, CN=b"'}, charon_local={'id': f'"{b.subject()}"'},
             charon_remote={'id': f'"{a.subject()}"'}).both_roles('IKE SA up with C=CH, O=Lab, CN=b')
    # The same key, certificate and authority out of one PKCS#12 container.
    contained = {'pkcs12-own': {'file': 'own.p12', 'secret': 'swordfish'}}
    lab.case(None, b, [ca], a_more={'container': a, 'passphrase': b'swordfish'}, secrets=contained,
             local={'auth': 'pubkey', 'id': 'a.lab'}).both_roles('; by ECDSA-256')
    # Of two certificates the one whose authority the peer asks for.
    lab.case(a, b, [ca, other], [other], a_more={'second': other.issue('a', 'ecdsa384')},
             local={'certs': 'own.pem, second.pem'}).both_roles('; by ECDSA-256')
    # Nobody vouches for either: each names the other's certificate.
    a, b = self_signed('a'), self_signed('b', 'ed25519')
    lab.case(a, b, [], a_more={'peer': b}, b_more={'peer': a}, remote={'certs': 'peer.pem'},
             charon_remote={'certs': 'peer.pem'}).both_roles('; by Ed25519 of C=CH, O=Lab, CN=b')
    lab.end()


def test_a_secret_one_way_and_a_certificate_the_other(lab):
    lab, ca = Certified(lab), root()
    lab.case(None, ca.issue('b'), [ca], local={'auth': 'psk', 'id': 'a.lab'},
             charon_remote={'auth': 'psk'}).both_roles('; by ECDSA-256')
    lab.case(ca.issue('a'), ca.issue('b'), [ca], remote={'auth': 'psk'},
             charon_local={'auth': 'psk', 'certs': None}).both_roles('IKE SA up with b.lab')
    lab.end()


def test_revocation_by_lists(lab):
    lab, ca = Certified(lab), root()
    a, b = ca.issue('a'), ca.issue('b')
    strict = {'revocation': 'strict'}
    lab.case(a, b, [ca], remote=strict).neither_role('unable to get certificate CRL')
    lab.case(a, b, [ca], remote=strict, a_more={'crls': [ca.crl()]}).both_roles('; by ECDSA-256')
    lab.case(a, b, [ca], a_more={'crls': [ca.crl([b])]}).neither_role('certificate revoked')
    lab.end()


def test_revocation_is_asked_for(lab):
    """By OCSP and, of certificates that name no responder, by the list they point to."""
    folder, port = lab.work / 'authority', 8080
    folder.mkdir()
    lab, ca, work = Certified(lab), root(), lab
    server = Daemon('revocation server', [sys.executable, Path(__file__).with_name('lab') / 'revocation_server.py', folder, port],
                    work.log('revocation-server.log'), netns=lab.net.a.ns)
    work.on_close(server.stop)
    server.start()
    strict = {'revocation': 'strict'}
    for where, said in (({'ocsp_uri': f'http://127.0.0.1:{port}/ocsp'}, '/ocsp: '),
                        ({'crl_uri': f'http://127.0.0.1:{port}/list.crl'}, '/list.crl: ')):
        a, good, bad = ca.issue('a'), ca.issue('b', **where), ca.issue('b', **where)
        ca.serves(folder, [good, bad], revoked=[bad])
        lab.case(a, good, [ca], remote=strict).both_roles('; by ECDSA-256')
        if lab.since().count(said) != 1:
            raise LabError(f'not asked once: {lab.since()[-800:]}')
        lab.case(a, bad, [ca]).neither_role('certificate revoked')
    server.stop()
    lab.case(a, ca.issue('b', **where), [ca], remote=strict).neither_role('unable to get certificate CRL')
    lab.end()


def test_ocsp_inside_ike(lab):
    """RFC 4806: only the holder of a certificate reaches its responder, and shows the peer what that says."""
    folder, port = lab.work / 'authority', 8080
    folder.mkdir()
    curl = {'load': PLUGINS.format(kernel='kernel-libipsec kernel-netlink') + ' curl'}
    lab, ca, work = Certified(lab, curl), root(), lab
    strict = {'revocation': 'strict'}

    def runs_at(side):
        server = Daemon(f'responder of {side.name}', [sys.executable, Path(__file__).with_name('lab') / 'revocation_server.py',
                                                      folder, port], work.log(f'responder-{side.name}.log'), netns=side.ns)
        work.on_close(server.stop)
        server.start()
        return server

    # We ask, charon shows.
    where = {'ocsp_uri': f'http://127.0.0.1:{port}/ocsp'}
    a, good, bad = ca.issue('a'), ca.issue('b', **where), ca.issue('b', **where)
    ca.serves(folder, [good, bad], revoked=[bad])
    server = runs_at(lab.charon)
    lab.case(a, good, [ca], remote=strict, connection={'ocsp': 'request'})
    lab.both_roles(', not revoked by the OCSP response it sends')
    lab.case(a, bad, [ca], connection={'ocsp': 'both'}).neither_role('certificate revoked')
    lab.case(a, good, [ca], remote=strict, connection={'ocsp': 'never'}).neither_role('unable to get certificate CRL')
    server.stop()
    # charon asks, we show.
    a, b = ca.issue('a', **where), ca.issue('b')
    ca.serves(folder, [a], revoked=[])
    runs_at(lab.ours)
    lab.case(a, b, [ca], charon_remote=strict, charon_connection={'ocsp': 'request'}).both_roles('; by ECDSA-256')
    if lab.since().count('/ocsp: not revoked') != 1 or lab.charon.log_text().count('received OCSP response issued by') < 2:
        raise LabError(f'not fetched once and shown twice: {lab.since()[-800:]}')
    lab.case(a, b, [ca], charon_remote=strict, charon_connection={'ocsp': 'request'}, connection={'ocsp': 'never'})
    lab.charon.initiate('net', check=False)
    if lab.pair.children()[0]:
        raise LabError('up without the response that charon insists on')
    lab.pair.expect_nothing_left()
    lab.end()


def test_a_responder_that_hangs(lab):
    """It costs the first peer some seconds and `relaxed` then takes it; and nobody who ends the process."""
    lab, ca, work = Certified(lab), root(), lab
    mute = Daemon('mute responder', [sys.executable, '-c', 'import socket, time; s = socket.create_server(("127.0.0.1", 8080)); '
                                     'time.sleep(600)'], work.log('mute.log'), netns=lab.net.a.ns)
    work.on_close(mute.stop)
    mute.start()
    a, b = ca.issue('a'), ca.issue('b', ocsp_uri='http://127.0.0.1:8080/ocsp')
    lab.case(a, b, [ca]).both_roles('; by ECDSA-256')
    if lab.since().count('culvert-ike W net') != 1 or '/ocsp: ' not in lab.since():
        raise LabError(f'no warning, or several: {lab.since()[-800:]}')
    lab.case(a, b, [ca])
    lab.ours.swanctl('--initiate', '--child', 'net', '--timeout', 1, check=False)
    begun = time.monotonic()
    if lab.ours.ike.stop(15) is None or time.monotonic() - begun > 8:
        raise LabError(f'culvert-ike took {time.monotonic() - begun:.1f} s to end')
    lab.ours.start_ike()
    lab.end()


def test_what_is_refused(lab):
    lab, ca, other = Certified(lab), root(), root('other')
    a, b = ca.issue('a'), ca.issue('b')
    lab.case(a, other.issue('b'), [ca], [ca, other]).neither_role('unable to get local issuer certificate')
    lab.case(a, ca.issue('b', expired=True), [ca]).neither_role('it has expired')
    lab.case(a, ca.issue('c'), [ca], charon_local={'id': 'c.lab'}).neither_role('net wants the peer to be b.lab', times=1)
    lab.case(a, b, [ca], remote={'auth': 'rsa'}).neither_role('auth = rsa does not admit ECDSA-256')
    lab.case(a, b, [ca, other], remote={'cacerts': 'other.pem'}).neither_role('none of cacerts is in its chain')
    lab.end()


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
        hold(lab.work / 'swanctl', **held)
        done = run(lab.programs / 'culvert-ike', '--config', lab.work, '--check', check=False)
        if done.returncode != status or line not in done.stdout:
            raise LabError(f'--check: {done.returncode}: {done.stdout}; expected {status}: {line}')
    (lab.work / 'swanctl/private/own.pem').write_bytes(other.key_pem())
    done = run(lab.programs / 'culvert-ike', '--config', lab.work, '--check', check=False)
    if done.returncode != 78 or 'none of the private keys belongs to x509/own.pem' not in done.stdout:
        raise LabError(f'--check: {done.returncode}: {done.stdout}')

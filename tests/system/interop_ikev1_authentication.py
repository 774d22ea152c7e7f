"""IKEv1's ways to authenticate, with strongSwan in both roles: pre-shared keys, signatures, hybrid and XAUTH, in main and in
aggressive mode; what the client is told by mode config; and what must be refused.

charon and our data plane run through all cases of a test, each of which has files and connections of its own."""

from dataclasses import dataclass, field

from lab import ikev1_tunnel
from lab.cases import Cases
from lab.charon import PLUGINS
from lab.pki import folder_of, hold, root
from lab.radius import SECRET, FreeRadius

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True
TIMEOUT = 300
USER, PASSWORD = 'carol', 'a password, 0123'
# Client of mode config is always the side that begins; it is given the address that its host has, so that traffic needs no NAT.
HOST = {'a': '10.1.0.2', 'b': '10.2.0.2'}
HOST6 = '2001:db8:9::5'
AGGRESSIVE = {'aggressive': True}
RADIUS = {'address': '127.0.0.1', 'auth_port': 1812, 'secret': SECRET}   # in the gateway's own namespace


@dataclass
class Method:
    """How the two sides authenticate in phase 1 (client None: hybrid), whether XAUTH follows, and more keys of the connection."""

    server: str = 'psk'
    client: str | None = 'psk'
    xauth: bool = False
    more: dict = field(default_factory=dict)

    def rounds(self, side, client):
        """local and remote sections of `side`, where `client` is the side that tells a password or begins."""

        def of(who, kind):
            return {'auth': kind, 'id': f'{who}.lab', **({'certs': 'own.pem'} if kind == 'pubkey' and who == side else {})}
        server = 'b' if client == 'a' else 'a'
        xauth = {'auth': 'xauth', **({'xauth_id': USER} if side == client else {})}
        of_client = {'': of(client, self.client)} if self.client else {'': {**xauth, 'id': f'{client}.lab'}}
        if self.client and self.xauth:
            of_client['-2'] = xauth
        of_server = {'': of(server, self.server)}
        mine, theirs = (of_client, of_server) if side == client else (of_server, of_client)
        return {**{f'local{n}': r for n, r in mine.items()}, **{f'remote{n}': r for n, r in theirs.items()}}


class Authenticated(Cases):
    def __init__(self, lab, **control):
        psk = {'i_dont_care_about_security_and_use_aggressive_mode_psk': True}
        super().__init__(lab, {'load': PLUGINS.format(kernel='kernel-libipsec kernel-netlink') + ' xauth-generic', **psk},
                         {**psk, **control})

    def case(self, method, client='a', *, password=PASSWORD, pool=False, ipv6=False, a=None, b=None, **tunnel):
        """`client` begins. password: what it tells. pool: it is leased its host's address, or what RADIUS says, and
        with ipv6 one of that family besides. a and b: more keys of either side's connection."""
        more = {}
        for side, own in (('a', a), ('b', b)):
            more[f'{side}_connection'] = {**method.more, **method.rounds(side, client), **(own or {})}
            if pool and side == client:
                more[f'{side}_ts'] = 'dynamic'
                more[f'{side}_connection']['vips'] = '0.0.0.0, ::' if ipv6 else '0.0.0.0'
            elif pool:
                more[f'{side}_connection']['pools'] = pool if isinstance(pool, str) else 'leases, leases6' if ipv6 else 'leases'
        tunnel = ikev1_tunnel(**more, **tunnel)
        conf = {side: tunnel.conf(side) for side in 'ab'}
        for side in 'ab':
            conf[side]['secrets']['xauth-user'] = {'id': USER, 'secret': f'"{password if side == client else PASSWORD}"'}
            if pool and side != client:
                conf[side]['pools'] = {'leases': {'addrs': f'{HOST[client]}-{HOST[client]}', 'dns': '10.9.9.53'}}
                if ipv6:
                    conf[side]['pools']['leases6'] = {'addrs': f'{HOST6}-{HOST6}'}
                if pool == 'radius':
                    conf[side]['radius'] = {'servers': {'aaa': RADIUS}}
                del conf[side]['connections']['net']['children']['net']['remote_ts']
        self.begin(tunnel, conf['a'], conf['b'])
        return self

    def good(self, by):
        self.up(by)
        self.down(by)

    def both_roles(self, method, **options):
        """Up by either side, used and down again. With XAUTH or a pool the two roles need a configuration each."""
        if method.xauth or options.get('pool'):
            for client in 'ab':
                self.case(method, client, **options).good(client)
        else:
            self.case(method, **options)
            for initiator in 'ab':
                self.good(initiator)

    def refused_in_both_roles(self, method, **options):
        for client in 'ab':
            self.case(method, client, **options)
            first = self.ours if client == 'a' else self.charon
            first.initiate('net', timeout=3, check=False)
            self.expect_not_up()

    def expect_not_up(self):
        for gateway in (self.ours, self.charon):
            up = [c for sa in gateway.sas() for c in sa.children]
            assert not up, f'{gateway.name}: up all the same: {up}'

    def certificates(self, kind, known=False):
        """known: charon has ours. What answers aggressive mode leaves out a certificate that would make it more than three times
        as large as its request, and RSA's are."""
        self.authority = ca = root(kind=kind)
        a, b = ca.issue('a', kind), ca.issue('b', kind)
        hold(folder_of(self.ours), a, [ca])
        hold(folder_of(self.charon), b, [ca], peer=a if known else None)


def test_pre_shared_keys(lab):
    lab = Authenticated(lab)
    lab.both_roles(Method())
    lab.both_roles(Method(more=AGGRESSIVE))
    # By address alone, as peers of main mode must who do not know each other's name.
    addresses = {f'{side}': {'local': {'auth': 'psk', 'id': mine}, 'remote': {'auth': 'psk', 'id': theirs}}
                 for side, mine, theirs in (('a', '192.0.2.1', '192.0.2.2'), ('b', '192.0.2.2', '192.0.2.1'))}
    conf = ikev1_tunnel(a_connection=addresses['a'], b_connection=addresses['b'])
    both = {side: conf.conf(side) for side in 'ab'}
    for side in 'ab':
        both[side]['secrets'] = {'ike-net': {'id-a': '192.0.2.1', 'id-b': '192.0.2.2', 'secret': '"of two addresses"'}}
    lab.begin(conf, both['a'], both['b'])
    for initiator in 'ab':
        lab.good(initiator)
    lab.end()


def test_signatures(lab):
    lab = Authenticated(lab)
    for kind in ('rsa2048', 'ecdsa256', 'ecdsa384', 'ecdsa521'):
        lab.certificates(kind, known=kind == 'rsa2048')
        lab.both_roles(Method('pubkey', 'pubkey'))
        if kind != 'ecdsa521':
            lab.both_roles(Method('pubkey', 'pubkey', more=AGGRESSIVE))
    lab.end()


def test_hybrid_and_xauth(lab):
    lab = Authenticated(lab)
    lab.certificates('rsa2048', known=True)
    for more in ({}, AGGRESSIVE):
        lab.both_roles(Method(xauth=True, more=more))
        lab.both_roles(Method('pubkey', 'pubkey', xauth=True, more=more))
        lab.both_roles(Method('pubkey', None, xauth=True, more=more))
    lab.end()


def test_addresses_by_mode_config(lab):
    lab = Authenticated(lab)
    lab.both_roles(Method(xauth=True), pool=True)
    lab.both_roles(Method(), pool=True)
    # The server tells unasked.
    lab.both_roles(Method(xauth=True, more={'pull': False}), pool=True)
    lab.both_roles(Method(more={'pull': False}), pool=True)
    for client in 'ab':
        lab.case(Method(), client, pool=True, ipv6=True).up(client)
        for gateway in (lab.ours, lab.charon):
            said = gateway.sas_text()
            assert HOST[client] in said and HOST6 in said, f'{gateway.name} knows of no such addresses:\n{said}'
        lab.down(client)
    # Lived through a new phase 1: XAUTH again, and the same address.
    for client in 'ab':
        lab.case(Method(xauth=True), client, pool=True).up(client)
        gateway = lab.ours if client == 'a' else lab.charon
        lab.pair.renew(gateway, 'ike')
        lab.net.alice.ping(lab.net.bob)
        lab.pair.renew(gateway, 'child')
        lab.net.bob.ping(lab.net.alice)
        lab.down(client)
    lab.end()


def test_users_of_a_radius_server(lab):
    lab = Authenticated(lab)
    password = 'only the server knows'
    server = FreeRadius(lab.ours.lab, lab.net.a.ns, users={USER: (password, {'Framed-IP-Address': HOST['b']})}).start()
    asks = {'remote-2': {'auth': 'xauth-radius'}}
    for more in ({}, AGGRESSIVE):
        lab.case(Method(xauth=True, more=more), 'b', password=password, pool='radius', a=asks).good('b')
        server.expect_login(USER)
    # The gateway's own secret of that user is none of the server's.
    lab.case(Method(xauth=True), 'b', pool='radius', a=asks)
    lab.charon.initiate('net', timeout=3, check=False)
    server.expect_login(USER, ok=False)
    lab.expect_not_up()
    lab.end()


def test_what_is_refused(lab):
    lab = Authenticated(lab)
    lab.refused_in_both_roles(Method(), b_psk='another secret of the lab')
    lab.refused_in_both_roles(Method(more=AGGRESSIVE), b_psk='another secret of the lab')
    lab.refused_in_both_roles(Method(xauth=True), password='not the password')
    # The peer wants what the other does not offer: another mode, another way, another version.
    lab.refused_in_both_roles(Method(), b=AGGRESSIVE)
    lab.refused_in_both_roles(Method(), b={'version': 2})
    lab.certificates('ecdsa256')
    stranger = root('stranger')
    hold(folder_of(lab.charon), stranger.issue('b'), [stranger, lab.authority])
    lab.refused_in_both_roles(Method('pubkey', 'pubkey'))
    lab.end()

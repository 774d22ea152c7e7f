"""Manual SAs against a real Linux kernel's: static keys at both ends, every protocol, mode and family of suites, and no IKE."""

import re
import secrets
from itertools import cycle

from lab import Gateway, LabError, Tunnel, UmlKernel, wait_until
from lab.topology import Topology
from lab.traffic import Pair
from lab.uml import UmlGuest

SUITE = 'interop-dataplane'
TIMEOUT = 300
OURS = {4: '192.0.2.1', 6: '2001:db8::1'}

# Ours, the kernel's words for it with {e} and {i} for the two keys, and how many octets these have.
GCM, GMAC, CCM = "aead 'rfc4106(gcm(aes))' {e}", "aead 'rfc4543(gcm(aes))' {e} 128", "aead 'rfc4309(ccm(aes))' {e}"
ESP = [
    ('aes128gcm16', f'{GCM} 128', 20, 0), ('aes256gcm8', f'{GCM} 64', 36, 0), ('aes192gmac', GMAC, 28, 0),
    ('aes128ccm12', f'{CCM} 96', 19, 0), ('chacha20poly1305', "aead 'rfc7539esp(chacha20,poly1305)' {e} 128", 36, 0),
    ('aes256ctr-sha256', "enc 'rfc3686(ctr(aes))' {e} auth-trunc 'hmac(sha256)' {i} 128", 36, 32),
    ('aes128-sha256', "enc 'cbc(aes)' {e} auth-trunc 'hmac(sha256)' {i} 128", 16, 32),
    ('aes256-sha512', "enc 'cbc(aes)' {e} auth-trunc 'hmac(sha512)' {i} 256", 32, 64),
    ('aes192-aesxcbc', "enc 'cbc(aes)' {e} auth-trunc 'xcbc(aes)' {i} 96", 24, 16),
    ('null-sha384', "enc 'ecb(cipher_null)' '' auth-trunc 'hmac(sha384)' {i} 192", 0, 48),
]
# Linux has AES-GMAC for ESP alone.
AH = [
    ('sha256', "auth-trunc 'hmac(sha256)' {i} 128", 0, 32), ('sha512', "auth-trunc 'hmac(sha512)' {i} 256", 0, 64),
    ('sha1', "auth-trunc 'hmac(sha1)' {i} 96", 0, 20), ('aesxcbc', "auth-trunc 'xcbc(aes)' {i} 96", 0, 16),
]


class Case:
    """An SA in each direction between our address and one of the kernel's that no other case has."""

    def __init__(self, index, protocol, mode, outer, esn, suite, **out):
        self.out = out                           # more keys of ours, of the way out
        self.index, self.protocol, self.mode, self.outer, self.esn = index, protocol, mode, outer, esn
        self.any_family = mode == 'tunnel'        # inside: the kernel has to be told
        self.ours_says, self.kernel_says, encr, integ = suite
        self.theirs = f'192.0.2.{20 + index}' if outer == 4 else f'2001:db8::{20 + index}'
        self.inner = {4: f'10.2.0.{20 + index}', 6: f'fd02::{20 + index}'}
        # The one is low and of no allocator's form, the other as high as can be.
        self.spi = {'in': 256 + index, 'out': 0xffffffff - index}
        self.keys = {way: (secrets.token_hex(encr), secrets.token_hex(integ)) for way in self.spi}

    @property
    def name(self):
        return f'{self.protocol} {self.mode} {self.ours_says}{"-esn" if self.esn else ""} over IPv{self.outer}'

    def sas(self):
        """Of culvert.conf."""
        here, there = OURS[self.outer], self.theirs
        out = {}
        for way, (src, dst) in (('in', (there, here)), ('out', (here, there))):
            out[f'{way}{self.index}'] = {
                'direction': way, 'spi': self.spi[way], 'src': src, 'dst': dst, 'protocol': self.protocol, 'mode': self.mode,
                'suite': self.ours_says + ('-esn' if self.esn else ''), 'key': '0x' + ''.join(self.keys[way]),
                'replay_window': 1024 if way == 'in' else None, **self.selectors(), **(self.out if way == 'out' else {})}
        return out

    def selectors(self):
        if self.mode == 'tunnel':
            return {'local_ts': '10.1.0.0/24, fd01::/64', 'remote_ts': f'{self.inner[4]}/32, {self.inner[6]}/128'}
        # Neighbour discovery, which makes IPv6 work, goes in clear.
        only = '' if self.outer == 4 else '[ipv6-icmp]'
        return {'local_ts': f'dynamic{only}', 'remote_ts': f'dynamic{only}'}

    def in_kernel(self):
        """The same of the kernel, seen from there."""
        return self.states() + self.policies()

    def states(self):
        here, there = self.theirs, OURS[self.outer]
        script = ''
        for ours, (src, dst) in (('out', (there, here)), ('in', (here, there))):
            encr, integ = (f'0x{key}' for key in self.keys[ours])
            flags = (['esn'] if self.esn else []) + (['af-unspec'] if self.any_family else [])
            flags += ['align4'] if self.protocol == 'ah' and self.outer == 4 else []
            script += (f'ip xfrm state add src {src} dst {dst} proto {self.protocol} spi {self.spi[ours]} mode {self.mode} '
                       f'replay-window 128 {f"flag {chr(32).join(flags)}" if flags else ""} '
                       f'{self.kernel_says.format(e=encr, i=integ)}\n')
        return script

    def templates(self, src, dst):
        return f'tmpl src {src} dst {dst} proto {self.protocol} mode {self.mode}'

    def policies(self):
        here, there = self.theirs, OURS[self.outer]
        script = ''
        for out, back in self.flows():
            script += f'ip xfrm policy add dir out {out} {self.templates(here, there)}\n'
            for way in ('in', 'fwd'):
                script += f'ip xfrm policy add dir {way} {back} {self.templates(there, here)}\n'
        return script

    def flows(self):
        """(out, in) as policies of the kernel's have them."""
        if self.mode == 'tunnel':
            return [(f'src {self.inner[v]} dst {net}', f'src {net} dst {self.inner[v]}') for v, net in ((4, '10.1.0.0/24'), (6, 'fd01::/64'))]
        here, there = self.theirs, OURS[self.outer]
        out, back = ('proto ipv6-icmp type 128', 'proto ipv6-icmp type 129') if self.outer == 6 else ('', '')
        return [(f'src {here} dst {there} {out}', f'src {there} dst {here} {back}')]

    def use(self, net, kernel):
        if self.mode == 'tunnel':
            for address in self.inner.values():
                net.alice.ping(address, count=2)
        else:
            kernel.sh(f'ping -n -q -c 2 -i 0.05 -W 5 -I {self.theirs} {OURS[self.outer]}')


class Bundle(Case):
    """ESP inside, AH in transport mode around it; of the kernel, two templates in one policy."""

    def __init__(self, index, mode, outer, esn, suite, ah_suite, **out):
        super().__init__(index, 'esp', mode, outer, esn, suite, **out)
        self.ah = Case(index, 'ah', 'transport', outer, esn, ah_suite)
        self.ah.any_family = self.any_family
        self.ah.spi = {way: spi ^ 0x00ff0000 for way, spi in self.spi.items()}

    @property
    def name(self):
        return f'{super().name} under {self.ah.name}'

    def sas(self):
        out = {name: {**sa, 'over': f'ah{name}'} for name, sa in super().sas().items()}
        for name, sa in self.ah.sas().items():
            out[f'ah{name}'] = {key: value for key, value in sa.items() if key not in ('local_ts', 'remote_ts')}
        return out

    def states(self):
        return super().states() + self.ah.states()

    def templates(self, src, dst):
        return f'{super().templates(src, dst)} {self.ah.templates(src, dst)}'


def all_cases():
    cases, esn = [], cycle((True, False, False, True))
    rows = [('esp', 'tunnel', 4, ESP), ('esp', 'tunnel', 6, ESP[::3]), ('esp', 'transport', 4, ESP[1::3]), ('esp', 'transport', 6, ESP[2::3]),
            ('ah', 'tunnel', 4, AH), ('ah', 'tunnel', 6, AH[::2]), ('ah', 'transport', 4, AH[1::2]), ('ah', 'transport', 6, AH)]
    for protocol, mode, outer, suites in rows:
        cases += [Case(len(cases) + i, protocol, mode, outer, next(esn), suite) for i, suite in enumerate(suites)]
    for mode, outer in (('tunnel', 4), ('tunnel', 6), ('transport', 4), ('transport', 6)):
        cases.append(Bundle(len(cases), mode, outer, next(esn), ESP[len(cases) % len(ESP)], AH[len(cases) % len(AH)]))
    return cases


class ManualGateway(Gateway):
    """Static keys make culvert.conf a secret."""

    def write_config(self, conf):
        super().write_config(conf)
        (self.config / 'culvert.conf').chmod(0o600)


class Ends:
    """We and the kernel with the SAs of some cases."""

    def __init__(self, lab, cases):
        self.cases = cases
        self.net = Topology(lab)
        self.net.bob.ns.address('eth0', *(f'{c.inner[4]}/24' for c in cases), *(f'{c.inner[6]}/64' for c in cases))
        side = self.net.b
        side.wan_addresses = side.wan_addresses + [f'{c.theirs}/{24 if c.outer == 4 else 64}' for c in cases]
        self.kernel = UmlGuest(lab, side.ns, 'kernel-b', self.net.kernel_interfaces(side))
        sas = {name: sa for case in cases for name, sa in case.sas().items()}
        self.ours = ManualGateway(lab, self.net.a, 'culvert-a',
                                  dataplane={'lab': True, 'without_ike': 'forward', 'mss': 'auto', 'sas': sas})

    def start(self):
        self.kernel.boot()
        self.kernel.sh('ip route add 10.1.0.0/24 via 192.0.2.1\nip route add fd01::/64 via 2001:db8::1\n')
        for case in self.cases:
            try:
                self.kernel.sh('set -e\n' + case.in_kernel())
            except LabError as error:
                raise LabError(f'{case.name}: {error}') from None
        self.ours.write_config({})
        self.ours.start_dataplane()
        return self

    def use(self):
        failed = {}
        for case in self.cases:
            try:
                case.use(self.net, self.kernel)
            except LabError as error:
                failed[case.name] = ' '.join(str(error).split())[-200:]
        if failed:
            raise LabError(f'{len(failed)} of {len(self.cases)} fail:\n' + '\n'.join(f'  {n}: {why}' for n, why in failed.items())
                           + f'\n{self.ours.drops()}\n{self.kernel.xfrm_errors()}')

    def shown(self):
        """{name: its row} as `culvertctl sas` shows them."""
        return {row['child']: row for row in self.ours.ctl('sas')['manual']}

    def expect_order(self, *harmless):
        errors = {name: n for name, n in self.kernel.xfrm_errors().items() if name not in ('XfrmInNoPols', *harmless)}
        if errors:
            raise LabError(f'the kernel counts errors: {errors}')
        self.ours.dataplane.check()
        self.ours.expect_balance()
        self.ours.expect_drops_only()
        self.net.sniffer.expect_no_plaintext()


def test_every_protocol_mode_and_suite(lab):
    ends = Ends(lab, all_cases()).start()
    ends.use()
    rows = ends.shown()
    missing = [name for case in ends.cases for name in case.sas() if rows.get(name, {}).get('packets', 0) < 2]
    if missing:
        raise LabError(f'unused: {missing}')
    unsafe = {row['suite'] for row in rows.values() if 'UNSAFE' in row['keys']}
    if not {'AES_GCM_16-128', 'NULL_AES_GMAC-192'} <= {s.removesuffix('/ESN') for s in unsafe} or any('CBC' in s for s in unsafe):
        raise LabError(f'unsafe are said to be: {unsafe}')
    if 'lab = yes' not in ends.ours.dataplane.log.read_text():
        raise LabError('the log does not say that this is a lab')

    # They are nobody's: culvert-ike comes, syncs, dies and comes again.
    ends.ours.start_ike()
    if not ends.ours.ctl('status')['dataplane']['lab'].startswith('yes'):
        raise LabError('the status does not say that this is a lab')
    ends.use()
    ends.ours.ike.kill()
    ends.use()
    ends.ours.start_ike()
    view = ends.ours.ctl('sas')
    if view['orphans'] or len(view['manual']) != len(rows):
        raise LabError(f'{len(view["manual"])} manual SAs and {len(view["orphans"])} orphans')
    ends.use()
    ends.expect_order()


def test_every_engine(lab):
    """Each SA is the engine's that it insists on."""
    wanted = {'packet': 'inline-protocol', 'crypto': 'inline-crypto', 'no': 'cpu'}
    cases = [Case(i, 'esp', mode, 4, False, ESP[0], hw_offload=word)
             for i, (mode, word) in enumerate((mode, word) for mode in ('tunnel', 'transport') for word in wanted)]
    ends = Ends(lab, cases)
    ends.ours.port_keys['wan'] = {'inline_ipsec': 'software'}
    ends.start()
    for case in cases:
        # By inline protocol the first packet is lost where its neighbour is not known yet.
        ends.kernel.sh(f'ping -n -q -c 1 -W 1 -I {case.theirs} {OURS[4]} || true')
    ends.use()
    rows = ends.shown()
    wrong = {case.name: rows[f'out{case.index}'] for case in cases if rows[f'out{case.index}']['engine'] != wanted[case.out['hw_offload']]}
    if wrong:
        raise LabError(f'on another engine: {wrong}')
    ends.expect_order()


def test_no_start_without_the_engine_asked_for(lab):
    case = Case(0, 'esp', 'tunnel', 4, False, ESP[0], hw_offload='packet')
    ours = ManualGateway(lab, Topology(lab).a, 'culvert-a', dataplane={'lab': True, 'sas': case.sas()})
    ours.write_config({})
    ours.dataplane.start()
    status, said = ours.dataplane.wait(30), ours.dataplane.log.read_text()
    place = r'culvert\.conf:\d+: dataplane\.sas\.out0\.hw_offload: no engine runs this SA so: there is none'
    if status in (None, 0) or not re.search(place, said):
        raise LabError(f'exit status {status}: {said[-500:]}')


# Linux drops dummy packets without delivering anything, under this name.
SWALLOWED = 'XfrmInStateProtoError'


def test_dummy_packets_end_in_silence(lab):
    rate = {'dummy_packets': 200}
    cases = [Case(0, 'esp', 'tunnel', 4, True, ESP[0], **rate), Case(1, 'esp', 'tunnel', 6, False, ESP[7], **rate, tfc_padding=900),
             Case(2, 'esp', 'transport', 4, True, ESP[6], **rate), Case(3, 'esp', 'transport', 6, False, ESP[4], **rate),
             Bundle(4, 'tunnel', 4, True, ESP[1], AH[0], **rate)]
    ends = Ends(lab, cases).start()
    ends.use()

    def few():
        return [name for name, row in ends.shown().items() if name.startswith('out') and row['dummies'] < 300]
    wait_until(lambda: not few(), 'every SA sends dummies', 20)
    ends.use()
    swallowed = ends.kernel.xfrm_errors().get(SWALLOWED, 0)
    if swallowed < 250 * len(cases):
        raise LabError(f'the kernel swallowed {swallowed} dummies of {len(cases)} SAs')
    ends.expect_order(SWALLOWED)


def test_dummy_packets_of_a_child(lab):
    net = Topology(lab)
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    tunnel = Tunnel(esp='aes128gcm16-esn')
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), kernel, tunnel)
    conf = tunnel.conf('a')
    conf['connections']['net']['children']['net']['dummy_packets'] = 200
    kernel.start(tunnel.conf('b'))
    pair.a.start(conf)
    pair.up()
    wait_until(lambda: kernel.xfrm_errors().get(SWALLOWED, 0) >= 200, 'the kernel swallows dummies', 20)
    net.alice.ping(net.bob)
    pair.rekey_many(2)
    pair.expect_order()

"""Every algorithm that both ends have: IKE's with charon 6.0, ESP's with a real Linux kernel. One tunnel a suite, a ping through each."""

import re
from itertools import cycle

from lab import Charon, Gateway, LabError, Tunnel, UmlKernel
from lab.charon import PLUGINS
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True
TIMEOUT = 600

_AES = [f'aes{bits}' for bits in (128, 192, 256)]
_CAMELLIA = [f'camellia{bits}' for bits in (128, 192, 256)]
_PRFS = ('prfsha256', 'prfsha384', 'prfsha512', 'prfsha1', 'prfaesxcbc', 'prfaescmac')
_INTEGS = ('sha256', 'sha384', 'sha512', 'sha1', 'aesxcbc', 'aescmac')
_GROUPS = ('x25519', 'ecp256', 'ecp384', 'ecp521', 'x448', 'ecp224bp', 'ecp256bp', 'ecp384bp', 'ecp512bp', 'modp2048',
           'modp3072', 'modp4096', 'modp1536', 'modp1024')
_SLOW_GROUPS = ('modp6144', 'modp8192')


def ike_suites():
    """Each cipher once and each PRF, integrity and group several times; the two slowest groups once."""
    groups, prfs, integs = cycle(_GROUPS), cycle(_PRFS), cycle(_INTEGS)
    aeads = [f'{key}{mode}{tag}' for key in _AES for mode in ('gcm', 'ccm') for tag in (8, 12, 16)]
    aeads += [f'{key}ccm{tag}' for key in _CAMELLIA for tag in (8, 12, 16)] + ['chacha20poly1305']
    plain = [*_AES, *_CAMELLIA, *(f'{key}ctr' for key in _AES + _CAMELLIA), '3des']
    suites = [f'{cipher}-{next(prfs)}-{next(groups)}' for cipher in aeads]
    suites += [f'{cipher}-{next(integs)}-{next(prfs)}-{next(groups)}' for cipher in plain]
    return suites + [f'aes256gcm16-prfsha512-{group}' for group in _SLOW_GROUPS]


def esp_suites():
    """Every AEAD, every cipher with an integrity of each kind, extended sequence numbers with every other."""
    suites = [f'{key}gcm{tag}' for key in _AES for tag in (8, 12, 16)]
    suites += [f'{key}ccm{tag}' for key in ('aes128', 'aes256') for tag in (8, 12, 16)]
    suites += [f'{key}gmac' for key in _AES] + ['chacha20poly1305']
    keys = cycle(_AES)
    for integ in _INTEGS:
        suites += [f'{next(keys)}-{integ}', f'{next(keys)}ctr-{integ}', f'null-{integ}']
    # GMAC, CCM and the MACs each treat the high half of the number in a way of their own: both, where it is cheap.
    esn = ['aes128gmac-esn', 'aes128ccm16-esn', 'aes256gcm12-esn', 'aes128ctr-sha256-esn', 'aes256-aesxcbc-esn', 'null-sha512-esn']
    return [f'{suite}-noesn' for suite in suites] + esn


def bob_address(index):
    return f'10.2.0.{20 + index}'


def add_addresses(net, count):
    net.bob.ns.address('eth0', *(f'{bob_address(i)}/24' for i in range(count)))


def one_of_each(side, tunnels, **connection):
    """A connection for each of (name, {what Tunnel takes}), told to the initiating side."""
    conf = {'connections': {}}
    for index, (name, options) in enumerate(tunnels):
        one = Tunnel(name=name, a_ts='10.1.0.2/32', b_ts=f'{bob_address(index)}/32', connection=connection, **options).conf(side)
        conf['connections'].update(one['connections'])
        conf['secrets'] = one['secrets']
    return conf


def walk(pair, names):
    """Brings each tunnel up from A and pings bob through it; then nothing but what was asked for is up at either end."""
    failed = {}
    for index, name in enumerate(names):
        try:
            pair.a.initiate(f's{index}')
            pair.net.alice.ping(bob_address(index), count=2, wait=3)
        except LabError as error:
            failed[name] = ' '.join(str(error).split())[-200:]
    if failed:
        raise LabError(f'{len(failed)} of {len(names)} suites fail:\n' + '\n'.join(f'  {n}: {why}' for n, why in failed.items()))


def expect_same_suites(pair, pattern, count):
    """Both daemons name the same suites, as many as were asked for."""
    ours, theirs = (sorted(re.findall(pattern, gateway.sas_text(), re.MULTILINE)) for gateway in (pair.a, pair.b))
    if ours != theirs or len(ours) != count:
        raise LabError(f'{count} suites asked for\n  only A has {sorted(set(ours) - set(theirs))}\n'
                       f'  only B has {sorted(set(theirs) - set(ours))}\n  {len(ours)} and {len(theirs)} in all')


def every_ike_suite(lab, ours):
    suites = ike_suites()
    net = Topology(lab)
    add_addresses(net, len(suites))
    # charon has these from plugins of their own.
    settings = {'load': PLUGINS.format(kernel='kernel-libipsec kernel-netlink') + ' xcbc cmac ctr'}
    initiator = one_of_each('a', [(f's{i}', {'ike': suite}) for i, suite in enumerate(suites)],
                            **({'profile': 'legacy'} if ours == 'a' else {}))
    # One connection that takes them all: what comes up is what the initiator chose.
    responder = Tunnel(ike=suites, connection={'unique': 'never', **({'profile': 'legacy'} if ours == 'b' else {})}).conf('b')
    gateway = Gateway(lab, getattr(net, ours), f'culvert-{ours}')
    other = 'b' if ours == 'a' else 'a'
    charon = Charon(lab, net.kernel(getattr(net, other)), f'charon-{other}', settings=settings)
    a, b = (gateway, charon) if ours == 'a' else (charon, gateway)
    b.start(responder)
    a.start(initiator)
    pair = Pair(net, a, b, Tunnel())
    walk(pair, suites)
    expect_same_suites(pair, r'^  (\S*PRF_\S+)$', len(suites))
    pair.expect_order()


def test_every_ike_suite_we_initiate(lab):
    every_ike_suite(lab, 'a')


def test_every_ike_suite_they_initiate(lab):
    every_ike_suite(lab, 'b')


def test_every_esp_suite_with_a_kernel(lab):
    suites = esp_suites()
    net = Topology(lab)
    add_addresses(net, len(suites))
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    gateway = Gateway(lab, net.a, 'culvert-a')
    tunnels = [(f's{i}', {'esp': suite}) for i, suite in enumerate(suites)]
    conf = one_of_each('a', tunnels, profile='legacy')
    # One IKE SA, a child a suite.
    connections = conf['connections']
    first = connections['s0']
    for name, connection in list(connections.items())[1:]:
        first['children'].update(connection['children'])
        del connections[name]
    pair = Pair(net, gateway, kernel, Tunnel())
    kernel.start(Tunnel(esp=suites).conf('b'))
    # charon makes this route only where an address of the gateway's own lies in the child's selectors.
    kernel.sh('ip route add 10.1.0.0/24 via 192.0.2.1')
    gateway.start(conf)
    walk(pair, suites)
    expect_same_suites(pair, r'ESP:([A-Z0-9_/-]+)', len(suites))
    harmless = {'XfrmOutNoStates', 'XfrmInTmplMismatch', 'XfrmAcquireError', 'XfrmInNoPols'}
    errors = {name: n for name, n in kernel.xfrm_errors().items() if name not in harmless}
    if errors:
        raise LabError(f'the kernel counts errors: {errors}')
    # NULL and GMAC leave what they protect readable, as asked for: the sniffer looks for addresses and the probe's marker.
    pair.expect_order()

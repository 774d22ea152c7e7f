"""Every IKEv1 suite that strongSwan has too, in both roles: ciphers, hashes and groups of phase 1, suites of phase 2, PFS."""

import re

from interop_ikev2_suites import add_addresses, one_of_each, walk
from lab import Charon, Gateway, LabError, Tunnel
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True
TIMEOUT = 300

# Each cipher, hash and group at least once, those of the legacy switch last.
IKE = ['aes128-sha256-modp2048', 'aes192-sha384-modp3072', 'aes256-sha512-modp4096', 'aes128-sha512-ecp256', 'aes192-sha256-ecp384',
       'aes256-sha384-ecp521', 'aes128-sha256-modp6144', 'aes256-sha256-modp8192',
       'aes256-sha1-modp1536', '3des-sha1-modp1024', 'aes128-sha1-modp2048', '3des-sha256-ecp256']
ESP = ['aes128gcm16', 'aes192gcm16', 'aes256gcm16', 'aes128-sha256', 'aes192-sha384', 'aes256-sha512', 'aes256-sha1',
       'aes128gcm16-modp2048', 'aes256gcm16-modp3072', 'aes128-sha256-ecp256', 'aes256-sha512-ecp384', 'aes256gcm16-ecp521']


def suites(lab, ours):
    """A connection for every suite of either phase, to a peer that takes them all."""
    pairs = list(zip(IKE, ESP))
    net = Topology(lab)
    add_addresses(net, len(pairs))
    legacy = {side: {'profile': 'legacy'} if side == ours else {} for side in 'ab'}
    initiator = one_of_each('a', [(f's{i}', {'ike': ike, 'esp': esp}) for i, (ike, esp) in enumerate(pairs)], version=1, **legacy['a'])
    responder = Tunnel(ike=IKE, esp=ESP, connection={'version': 1, 'unique': 'never', **legacy['b']}).conf('b')
    gateway = Gateway(lab, getattr(net, ours), f'culvert-{ours}')
    other = 'b' if ours == 'a' else 'a'
    charon = Charon(lab, net.kernel(getattr(net, other)), f'charon-{other}')
    a, b = (gateway, charon) if ours == 'a' else (charon, gateway)
    b.start(responder)
    a.start(initiator)
    pair = Pair(net, a, b, Tunnel())
    walk(pair, pairs)
    # What was asked of one peer in turn are phase 1s that replace one another, so our log knows them and no list does.
    log = gateway.log_text()
    found = set(re.findall(r'phase 1 done with .*, (\S+) by', log)), re.findall(r'Child SA \S+ (\S+) [0-9a-f]+_in', log)
    if [len(suites_of_one) for suites_of_one in found] != [len(IKE), len(ESP)]:
        raise LabError(f'{len(IKE)} suites of either phase asked for, used: {found}')
    pair.expect_order()


def test_we_initiate(lab):
    suites(lab, 'a')


def test_they_initiate(lab):
    suites(lab, 'b')

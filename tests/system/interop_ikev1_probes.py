"""What ike-scan, a stranger's scanner, gets to know of a gateway with IKEv1 and of one without: the second is not there."""

from lab import Gateway, LabError, Tunnel, ikev1_tunnel
from lab.ike_scan import ike_scan
from lab.topology import Topology

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True
GATEWAY = '192.0.2.1'
DES_MD5_MODP768 = '(1=1,2=1,3=1,4=1)'
NOTIFY_NO_PROPOSAL_CHOSEN = 14


def expect_silence(ns, *words, **probe):
    answer = ike_scan(ns, GATEWAY, *words, tries=1, **probe)
    if answer:
        raise LabError(f'answered although nothing here speaks that: {answer.text}')


def restart(gateway, conf):
    gateway.ike.stop()
    gateway.write_config(conf)
    gateway.start_ike()


def expect_handshake(answer, kind):
    if not answer or answer.kind != kind:
        raise LabError(f'no {kind} mode handshake: {answer and answer.text}')
    for word in ('Enc=AES', 'KeyLength=128', 'Hash=SHA2-256', 'Auth=PSK', 'Group=14:modp2048'):
        if word not in answer.what['SA']:
            raise LabError(f'not what was offered: {answer.text}')


def test_main_and_aggressive_probes(lab):
    net = Topology(lab)
    scanner = net.kernel(net.b)
    psk = {'i_dont_care_about_security_and_use_aggressive_mode_psk': True}
    gateway = Gateway(lab, net.a, 'culvert-a', control=psk)
    # Without an IKEv1 connection nothing answers, whatever is sent.
    gateway.start(Tunnel().conf('a'))
    expect_silence(scanner)
    expect_silence(scanner, '--idtype=2', aggressive_id='b.lab')
    expect_silence(scanner, '--nat-t', '--sport=0', '--dport=4500')
    main = ikev1_tunnel(ike='aes128-sha256-modp2048')
    restart(gateway, main.conf('a'))
    expect_handshake(ike_scan(scanner, GATEWAY), 'main')
    expect_handshake(ike_scan(scanner, GATEWAY, '--nat-t', '--sport=0', '--dport=4500'), 'main')
    refused = ike_scan(scanner, GATEWAY, transform=DES_MD5_MODP768)
    if refused and (refused.kind, refused.what.get('number')) != ('notify', NOTIFY_NO_PROPOSAL_CHOSEN):
        raise LabError(f'a handshake by DES: {refused.text}')
    # Aggressive mode where the connection is for main mode.
    answer = ike_scan(scanner, GATEWAY, '--idtype=2', aggressive_id='b.lab')
    if answer and answer.kind != 'notify':
        raise LabError(f'an aggressive handshake nobody configured: {answer.text}')
    restart(gateway, ikev1_tunnel(ike='aes128-sha256-modp2048', connection={'aggressive': True}).conf('a'))
    aggressive = ike_scan(scanner, GATEWAY, '--idtype=2', aggressive_id='b.lab')
    expect_handshake(aggressive, 'aggressive')
    if 'Type=ID_FQDN, Value=a.lab' not in aggressive.text or 'Hash(32 bytes)' not in aggressive.text:
        raise LabError(f'not what aggressive mode shows: {aggressive.text}')
    stranger = ike_scan(scanner, GATEWAY, '--idtype=2', aggressive_id='nobody.lab')
    if stranger and stranger.kind != 'notify':
        raise LabError(f'a hash to search for a name nobody configured: {stranger.text}')
    gateway.ike.check()
    gateway.expect_balance()

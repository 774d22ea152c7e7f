"""Transport mode, by ESP and by AH, and AH tunnels, with charon over a real Linux kernel. Needs `tap = yes`: the packets of
transport mode are those of the gateway's own machine."""

import struct

from forward_host import CALL, ECHO, Server, call
from lab import Gateway, LabError, Tunnel, UmlKernel, wait_until
from lab.sniffer import read_pcap
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 300
TAP = 'host0'
OWN, PEER = {4: '192.0.2.1', 6: '2001:db8::1'}, {4: '192.0.2.2', 6: '2001:db8::2'}
ESP, AH, TCP, UDP = 50, 51, 6, 17
IKE = (500, 4500)


def hosts(lab, ah=None, esp=None, version=4, of=Tunnel, kind=Pair, **child):
    """Both ends, with a child for what they say to each other; over IPv6 for TCP alone, so that neighbours resolve in clear."""
    net = Topology(lab, whole_capture=True)
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    gateway = Gateway(lab, net.a, 'culvert-a')
    gateway.tap('wan', TAP)
    ts = 'dynamic' if version == 4 else 'dynamic[tcp]'
    tunnel = of(a=OWN[version], b=PEER[version], a_ts=ts, b_ts=ts, esp=esp,
                child={'mode': 'transport', 'ah_proposals': ah, **child})
    return net, kind(net, gateway, kernel, tunnel).start()


def in_guest(pair, script):
    return pair.b.sh(f"exec 2>&1\n{script}")[1]


def use(pair, version):
    """TCP both ways, and what TCP is not where the child is for all."""
    net, own, peer = pair.net, OWN[version], PEER[version]
    call(net.a.ns, peer, 'tcp', 300000)
    in_guest(pair, f"python3 -c '{CALL}' {own} tcp 300000 10")
    if version == 6:
        return
    for size in (100, 1300):                    # RFC 4303 3.3.4: no fragments go into transport mode
        call(net.a.ns, peer, 'udp', size)
        in_guest(pair, f"python3 -c '{CALL}' {own} udp {size} 10")
    in_guest(pair, f'ping -n -c 2 -i 0.2 -W 5 {own}')
    net.a.ns.run('ping', '-n', '-c', 2, '-i', 0.2, '-W', 5, peer)


def serve(lab, pair, version):
    Server(lab, pair.net.a.ns, OWN[version])
    in_guest(pair, f"python3 -c '{ECHO}' {PEER[version]} > /dev/null 2>&1 &\n"
                   'for i in $(seq 100); do ss -Hltn sport = :7000 | grep -q . && exit 0; sleep 0.05; done; exit 1')


def expect_mode(pair, *words):
    for gateway in (pair.a, pair.b):
        child = pair.a.installed('net') if gateway is pair.a else pair.b.installed('net')
        if not all(word in child[0].text for word in words):
            raise LabError(f'{gateway.name}: {child[0].text}: not {words}')


def protocols(pcap, version):
    """{protocol number: packets} between the two gateways, but IKE."""
    found = {}
    for frame in read_pcap(pcap):
        kind = struct.unpack_from('!H', frame, 12)[0]
        if kind != (0x0800 if version == 4 else 0x86dd):
            continue
        protocol, at = (frame[23], 14 + 4 * (frame[14] & 15)) if version == 4 else (frame[20], 54)
        if protocol == UDP and struct.unpack_from('!H', frame, at)[0] in IKE:
            continue
        if protocol in (ESP, AH, TCP, UDP, 1):
            found[protocol] = found.get(protocol, 0) + 1
    return found


def expect_only(pair, protocol, version):
    pair.net.sniffer.stop()
    found = protocols(pair.net.sniffer.pcap, version)
    if set(found) != {protocol} or found[protocol] < 100:
        raise LabError(f'outside there went {found}, and not {protocol} alone')


def life(lab, protocol, version=4, **how):
    net, pair = hosts(lab, version=version, **how)
    serve(lab, pair, version)
    for initiator in ('a', 'b'):
        pair.up(initiator)
        expect_mode(pair, 'TRANSPORT', 'AH' if protocol == AH else 'ESP')
        use(pair, version)
        for gateway in (pair.a, pair.b) if initiator == 'a' else ():
            pair.renew(gateway, 'child')
            use(pair, version)
        pair.a.terminate('net')
        pair.expect_nothing_left()
    if call(net.a.ns, PEER[version], 'tcp', 10, check=False):
        raise LabError('the peer is reached without an SA')
    pair.a.expect_balance()
    expect_only(pair, protocol, version)


def test_esp_with_esn(lab):
    life(lab, ESP, esp='aes128gcm16-esn')


def test_esp_without_esn_over_ipv6(lab):
    life(lab, ESP, version=6, esp='aes128-sha256-noesn')


def test_ah(lab):
    life(lab, AH, ah='sha256-esn')


def test_ah_over_ipv6(lab):
    life(lab, AH, version=6, ah='sha384-noesn')


def test_ah_tunnel(lab):
    net = Topology(lab, sniff=False)
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), kernel, Tunnel(esp=None, child={'ah_proposals': 'sha256-esn'})).start()
    for initiator in ('a', 'b'):
        pair.up(initiator)
        expect_mode(pair, 'TUNNEL', 'AH')
        net.bob.ping(net.alice)
        if initiator == 'a':
            pair.use()
            pair.rekey_many(2)
        pair.down(initiator)
    pair.a.expect_balance()


def test_a_peer_that_wants_a_tunnel_is_left(lab):
    """Neither side gets what the other does not want: the child is deleted, and the IKE SA stays."""
    _, pair = hosts(lab, esp='aes128gcm16')
    conf = pair.tunnel.conf('b')
    conf['connections']['net']['children']['net']['mode'] = 'tunnel'
    pair.b.load(conf)
    said = pair.a.initiate('net', check=False)
    if 'declined transport mode' not in said:
        raise LabError(f'not told: {said}')
    wait_until(lambda: not pair.b.installed('net'), 'the peer has no child left', 15)
    if pair.a.installed('net') or not pair.a.sas():
        raise LabError(pair.a.sas_text())

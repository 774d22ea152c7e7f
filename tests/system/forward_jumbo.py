"""Packets of up to 9,216 octets through a tunnel of two Culverts, whole, by every kind of port that carries them."""

from lab import Gateway, LabError, Tunnel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'forward'
JUMBO = 9216        # octets of IP packet: the longest of any port
INSIDE = 9160       # what of it is left inside a tunnel of AES-GCM, IPv4 outside
HEADERS = {False: 28, True: 48}    # of a ping, by IPv6
PINGS = 20


def jumbo_pair(lab, devices_a, devices_b=None, **port_keys):
    """Two gateways; devices: interface -> what its port is instead of a packet socket."""
    net = Topology(lab, mtu=JUMBO)
    net.outside.ns.ip('link', 'set', net.outside.name, 'mtu', JUMBO)
    for ns, interface in ((net.a.ns, net.LAN), (net.alice.ns, 'eth0'), (net.b.ns, net.LAN), (net.bob.ns, 'eth0')):
        ns.ip('link', 'set', interface, 'mtu', JUMBO)
    ours = []
    for name, side, devices in (('a', net.a, devices_a), ('b', net.b, devices_b or {})):
        gateway = Gateway(lab, side, f'culvert-{name}', port='af_packet')
        gateway.mtu = {net.WAN: JUMBO, net.LAN: JUMBO}
        gateway.port_keys = {interface: {'device': device, **port_keys} for interface, device in devices.items()}
        ours.append(gateway)
    # Of both families, for both are longer than what they are in.
    both = {'a_ts': '10.1.0.0/24, fd01::/64', 'b_ts': '10.2.0.0/24, fd02::/64'}
    return Pair(net, *ours, Tunnel(**both))


def counted(gateway, port):
    return next(p for p in gateway.ctl('ports')['ports'] if p['name'] == port)


def expect_whole(pair):
    """With DF set, so what is longer than a port carries is told to be, and nobody cuts anything."""
    net = pair.net
    for ipv6 in (False, True):
        for size in (9000, INSIDE - HEADERS[ipv6]):
            net.alice.ping(net.bob, ipv6=ipv6, size=size, df=True)
    before = [counted(g, 'wan')['tx_packets'] for g in pair.ours]
    net.alice.ping(net.bob, count=PINGS, interval=0.02, size=INSIDE - HEADERS[False], df=True)
    for gateway, sent in zip(pair.ours, before):
        grown = counted(gateway, 'wan')['tx_packets'] - sent
        if not PINGS <= grown < 2 * PINGS:
            raise LabError(f'{gateway.name}: {grown} packets outside for {PINGS} inside')
    for gateway in pair.ours:
        gateway.expect_balance()
        gateway.expect_drops_only('too-big', 'not-synced', 'port-down')
    pair.use()


def slow(gateway):
    return sum(t['slow_path'] for t in gateway.ctl('counters')['threads'])


def test_by_packet_sockets(lab):
    pair = jumbo_pair(lab, {}).start()
    pair.up()
    expect_whole(pair)
    if any(map(slow, pair.ours)):
        raise LabError('packets were copied')
    # Nobody is told of a path that is not there: one octet more does not fit.
    if pair.net.alice.ping(pair.net.bob, count=2, size=INSIDE - HEADERS[False] + 8, df=True, check=False, wait=1):
        raise LabError('longer than a port carries')
    pair.down()
    pair.expect_order()


def by_memif(lab, more):
    path = lab.work / 'memif.sock'
    devices = [{'wan': f'net_memif0,role={role},id=0,socket={path},socket-abstract=no{more}'} for role in ('client', 'server')]   # a client finds no server that starts later
    pair = jumbo_pair(lab, *devices).start()
    wait_until(lambda: all(counted(g, 'wan')['link'] == 'up' for g in pair.ours), 'the link', 10)
    pair.up()
    expect_whole(pair)
    return pair


def test_by_shared_memory(lab):
    pair = by_memif(lab, '')
    if any(map(slow, pair.ours)):
        raise LabError('packets were copied')
    pair.down()


def test_by_shared_memory_in_short_buffers(lab):
    # Each packet lies in five of them, and comes as an mbuf of as many segments.
    pair = by_memif(lab, ',bsize=2048')
    if not all(slow(g) > PINGS for g in pair.ours):
        raise LabError('no packet came in segments')
    pair.down()


def test_by_a_tap(lab):
    pair = jumbo_pair(lab, {'lan': 'net_tap0,iface=tap0'})
    pair.start()
    ns = pair.net.a.ns
    # What is behind the TAP: a bridge, with the wire to alice on the other side.
    ns.ip('link', 'add', 'br1', 'mtu', JUMBO, 'type', 'bridge', 'stp_state', 0, 'mcast_snooping', 0)
    # Its end in the kernel has the port's own MAC, which the bridge would keep for itself.
    ns.ip('link', 'set', 'tap0', 'address', '02:00:00:00:00:99')
    for interface in ('tap0', pair.net.LAN):
        ns.ip('link', 'set', interface, 'master', 'br1', 'up')
    ns.ip('link', 'set', 'br1', 'up')
    pair.up()
    expect_whole(pair)
    pair.down()
    pair.expect_order()


def test_what_an_xdp_socket_cannot(lab):
    net = Topology(lab, sniff=False, mtu=JUMBO)
    gateway = Gateway(lab, net.a, 'culvert-a')
    gateway.mtu = {net.WAN: JUMBO}
    gateway.write_config(None)
    gateway.dataplane.start()
    if gateway.dataplane.wait(30) in (None, 0):
        raise LabError('it starts')
    if 'port wan: mtu 9216: af_xdp carries up to' not in gateway.dataplane.log.read_text():
        raise LabError('it does not say why')


def test_frames_of_a_packet_socket_that_are_too_short(lab):
    net = Topology(lab, sniff=False, mtu=JUMBO)
    gateway = Gateway(lab, net.a, 'culvert-a', port='af_packet')
    gateway.mtu = {net.WAN: JUMBO}
    gateway.port_keys = {net.WAN: {'device': 'net_af_packet0,iface=wan,framesz=4096,blocksz=16384'}}
    gateway.write_config(None)
    gateway.dataplane.start()
    if gateway.dataplane.wait(30) in (None, 0):
        raise LabError('it starts')
    said = gateway.dataplane.log.read_text()
    if 'framesz is 4096' not in said or 'framesz=10240,blocksz=40960' not in said:
        raise LabError(f'it does not say what to say: {said}')

"""Policies with real traffic: what is protected, passed and dropped beside one another, and children reached by a route."""

from lab import Gateway, LabError, Tunnel
from lab.process import wait_until
from lab.sniffer import ip_of, read_pcap
from lab.topology import PROTECTED, Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
EVERYTHING = '0.0.0.0/0'


def connects(host, peer, port):
    """Whether a TCP connection comes up, or is refused at once; False where nothing answers."""
    script = ('import socket, sys\n'
              's = socket.socket()\ns.settimeout(1)\n'
              f'try: s.connect(("{peer.address}", {port}))\n'
              'except ConnectionRefusedError: pass\n'
              'except TimeoutError: sys.exit(1)\n')
    return host.ns.run('python3', '-c', script, check=False).returncode == 0


def in_clear(pcap):
    """The protocols that IPv4 packets of the inner networks were seen outside with."""
    inner = tuple(network.rsplit('.', 1)[0] + '.' for network in PROTECTED[:2])
    return {frame[23] for frame in read_pcap(pcap)
            if (ends := ip_of(frame)) and frame[12:14] == b'\x08\x00' and str(ends[0]).startswith(inner)}


def with_exceptions(side):
    """Beside the tunnel: pings pass as they are, discard goes nowhere before all else, and what is left goes nowhere."""
    conf = Tunnel().conf(side)
    tunnel = conf['connections']['net']['children']['net']
    ends = {'local_ts': tunnel['local_ts'], 'remote_ts': tunnel['remote_ts'], 'start_action': 'trap'}
    conf['connections']['exceptions'] = {'remote_addrs': '127.0.0.1', 'children': {
        # The last one is of the gateway's own packets too: without this no host hears what fits through the tunnel.
        'own': {'mode': 'pass', 'local_ts': tunnel['local_ts'], 'remote_ts': tunnel['local_ts']},
        'ping': {**ends, 'mode': 'pass', 'remote_ts': f'{tunnel["remote_ts"]}[icmp]'},
        'discard': {**ends, 'mode': 'drop', 'priority': 1, 'remote_ts': f'{tunnel["remote_ts"]}[tcp/9]'},
        'rest': {'mode': 'drop', 'start_action': 'trap', 'local_ts': EVERYTHING, 'remote_ts': '10.0.0.0/8'}}}
    return conf


def test_protect_pass_and_drop(lab):
    net = Topology(lab)
    net.a.routes, net.b.routes = [('10.0.0.0/8', '192.0.2.2')], [('10.0.0.0/8', '192.0.2.1')]
    a, b = (Gateway(lab, side, name).start(with_exceptions(letter))
            for side, name, letter in ((net.a, 'culvert-a', 'a'), (net.b, 'culvert-b', 'b')))
    net.alice.ping(net.bob)                      # in clear, with or without an SA
    if connects(net.alice, net.bob, 7):
        raise LabError('TCP went without an SA')
    a.initiate('net')
    wait_until(lambda: connects(net.alice, net.bob, 7), 'TCP through the SA', 5)
    net.alice.ping(net.bob)
    before = a.drops().get('policy', 0)
    if connects(net.alice, net.bob, 9):
        raise LabError('what a drop of the first rank names went through')
    if a.drops().get('policy', 0) == before:
        raise LabError(f'nothing was dropped by policy: {a.drops()}')
    if net.alice.iperf3(net.bob, 1) <= 0:
        raise LabError('no TCP')
    stray = net.alice.ns.run('ping', '-c', '1', '-W', '1', '10.77.0.1', check=False).returncode
    if stray == 0 or a.drops().get('policy', 0) < before + 2:
        raise LabError('what is left went somewhere')
    for gateway in (a, b):
        gateway.ike.check()
        gateway.dataplane.check()
        gateway.expect_balance()
        if gateway.drops().get('plaintext-inbound'):
            raise LabError(f'{gateway.name} dropped what may come in clear: {gateway.drops()}')
    net.sniffer.stop()
    if (seen := in_clear(net.sniffer.pcap)) != {1}:
        raise LabError(f'protocols in clear outside: {seen}, and ICMP alone is to be')


class Routed(Tunnel):
    """Everything to everything, for who comes by the route."""

    def conf(self, side):
        conf = super().conf(side)
        conf['connections']['net']['children']['net'].update(
            {'local_ts': EVERYTHING, 'remote_ts': EVERYTHING, 'if_id_in': 42, 'if_id_out': 42, 'start_action': 'trap'})
        return conf


def test_a_tunnel_interface(lab):
    net = Topology(lab)
    here, there = '169.254.1.1', '169.254.1.2'
    net.a.routes, net.b.routes = [('10.2.0.0/24', there)], [('10.1.0.0/24', here)]
    a, b = (Gateway(lab, side, name, dataplane={'tunnels': {'t1': {'if_id': 42, 'addrs': f'{own}/30'}}})
            for side, name, own in ((net.a, 'culvert-a', here), (net.b, 'culvert-b', there)))
    pair = Pair(net, a, b, Routed()).start()
    net.alice.ping(net.bob, count=1, check=False)        # raises the tunnel
    pair.expect_one_child()
    pair.use()
    # The far end's own address on the tunnel; and the near gateway's on the wire, which no route leads into the tunnel.
    for address in (there, '192.0.2.1'):
        net.alice.ns.run('ping', '-c', '1', '-W', '2', address)
    pair.rekey_many(2)
    for gateway in (a, b):
        (tunnel,) = gateway.ctl('tunnels')['tunnels']
        if tunnel['name'] != 't1' or tunnel['if_id'] != 42 or min(tunnel['packets_in'], tunnel['packets_out']) < 100:
            raise LabError(f'{gateway.name}: {tunnel}')
    # Whatever is killed, what is routed into the tunnel is not sent in clear, nor taken.
    a.ike.kill()
    net.alice.ping(net.bob)
    a.start_ike()
    pair.expect_one_child(30)
    net.alice.ping(net.bob)
    pair.expect_order()

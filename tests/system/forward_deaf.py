"""A receive queue that delivers nothing any more: the port is restarted, and traffic goes on (F11)."""

from lab import Gateway, LabError, wait_until
from lab.net import veth
from lab.topology import Topology

SUITE = 'forward'
OUTSIDE = '192.0.2.2'


def router(lab, port):
    net = Topology(lab, sniff=False)
    gateway = Gateway(lab, net.a, 'culvert-a', port=port)
    gateway.start()
    net.kernel(net.b).route('10.1.0.0/24', '192.0.2.1')
    net.alice.ping(OUTSIDE)
    return net, gateway


def lan(gateway):
    return next(p for p in gateway.ctl('ports')['ports'] if p['name'] == 'lan')


def expect_restart(net, gateway, times=1):
    """alice pings on until she is answered, and then nothing of her pings is lost."""
    wait_until(lambda: net.alice.ping(OUTSIDE, count=1, check=False, wait=1), 'an answer', 20)
    net.alice.ping(OUTSIDE, count=20)
    if lan(gateway)['rx_restarts'] != times or lan(gateway)['resets']:
        raise LabError(f'{lan(gateway)}, not {times} restarts')
    said = gateway.dataplane.log.read_text()
    if said.count('port lan: frames come and none has arrived for') != times:
        raise LabError(f'not told {times} times: {said}')
    gateway.expect_balance()


def test_a_packet_socket_whose_interface_was_made_anew(lab):
    net, gateway = router(lab, 'af_packet')
    before = lan(gateway)
    for times in (1, 2):
        # What the socket was bound to is gone; another interface has its name.
        net.a.ns.ip('link', 'del', net.LAN)
        veth(net.alice.ns, 'eth0', net.a.ns, net.LAN)
        net.alice.ns.address('eth0', '10.1.0.2/24', 'fd01::2/64')
        net.alice.ns.route('default', '10.1.0.1')
        expect_restart(net, gateway, times)
    after = lan(gateway)
    if after['mac'] != before['mac'] or after['rx_packets'] <= before['rx_packets']:
        raise LabError(f'{before} became {after}')
    gateway.stop()


def test_an_xdp_socket_whose_program_was_taken_away(lab):
    net, gateway = router(lab, 'af_xdp')
    for times in (1, 2):
        net.a.ns.ip('link', 'set', net.LAN, 'xdp', 'off')
        expect_restart(net, gateway, times)
    gateway.stop()


def test_a_quiet_port_is_left_alone(lab):
    net, gateway = router(lab, 'af_packet')
    net.alice.ns.ip('link', 'set', 'eth0', 'down')
    net.alice.ns.ip('link', 'set', 'eth0', 'up')
    net.alice.ns.route('default', '10.1.0.1')
    net.alice.ping(OUTSIDE, count=60, interval=0.05)
    if lan(gateway)['rx_restarts']:
        raise LabError(f'restarted: {lan(gateway)}')

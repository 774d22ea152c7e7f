"""Kinds of ports and numbers of workers: a Culvert router between alice and a kernel outside."""

from lab import Gateway, LabError
from lab.topology import Topology

SUITE = 'forward'
OUTSIDE = '192.0.2.2'


def router(lab, port, mtu=1500, **dataplane):
    net = Topology(lab, sniff=False, mtu=mtu)
    for ns, interface in ((net.a.ns, net.LAN), (net.alice.ns, 'eth0')):
        ns.ip('link', 'set', interface, 'mtu', mtu)
    gateway = Gateway(lab, net.a, 'culvert-a', port=port, dataplane=dataplane)
    gateway.mtu = {net.WAN: mtu, net.LAN: mtu}
    gateway.start()
    net.kernel(net.b).route('10.1.0.0/24', '192.0.2.1')
    return net, gateway


def full_sized(net, gateway, mtu):
    for to in ('10.1.0.1', OUTSIDE):
        net.alice.ping(to, size=mtu - 28, df=True)
    gateway.expect_balance()
    gateway.expect_drops_only()


def test_large_packets_on_xdp_sockets(lab):
    net, gateway = router(lab, 'af_xdp', mtu=3442)
    full_sized(net, gateway, 3442)


def test_large_packets_on_packet_sockets(lab):
    net, gateway = router(lab, 'af_packet', mtu=9000)
    full_sized(net, gateway, 9000)


def test_two_workers_hand_over(lab):
    # Each vdev has one queue: the worker of lan's hands what goes out of wan to wan's, and the reverse.
    for port in ('af_xdp', 'af_packet'):
        net, gateway = router(lab, port, workers='0-1')
        net.alice.ping(OUTSIDE, count=100, interval=0.01)
        full_sized(net, gateway, 1500)
        threads = {t['thread']: t for t in gateway.ctl('counters')['threads']}
        idle = [name for name in ('worker 0', 'worker 1') if threads[name]['forwarded'] < 100 or threads[name]['parked'] < 100]
        if idle:
            raise LabError(f'{port}: {idle} took no part: {threads}')
        gateway.stop()
        for ns in (net.a.ns, net.b.ns, net.alice.ns, net.bob.ns, net.outside.ns):
            ns.close()


def test_polling_workers(lab):
    net, gateway = router(lab, 'af_xdp', idle='poll')
    net.alice.ping(OUTSIDE, count=100, interval=0.01)
    worker = gateway.ctl('counters')['threads'][1]
    if worker['sleeps']:
        raise LabError(f'a polling worker slept: {worker}')
    gateway.expect_balance()

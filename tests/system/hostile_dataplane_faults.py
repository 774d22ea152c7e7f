"""What breaks beside a live tunnel: a process stops for a while (F04), a link goes and comes (F10), a path swallows what is long
for it and says nothing (F15)."""

import signal
import time

from lab import Gateway, LabError, Probe, Tunnel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'hostile-dataplane'
TIMEOUT = 200
STOPPED = 30     # seconds
STALLED = 5
PATH, SEGMENT, LONG = 1280, 1160, 1400    # octets


def pair_of(lab, net=None, dataplane=None, **tunnel):
    net = net or Topology(lab)
    ours = [Gateway(lab, side, f'culvert-{name}', dataplane=dataplane) for name, side in (('a', net.a), ('b', net.b))]
    pair = Pair(net, *ours, Tunnel(**tunnel)).start()
    pair.up()
    return pair


def test_culvert_ike_stops_for_half_a_minute(lab):
    pair = pair_of(lab)
    pair.use()
    losses_before = pair.losses_elsewhere()
    sas_before = {ike['uniqueid'] for ike in pair.a.ctl('sas')['ike_sas']}
    pair.a.ike.signal(signal.SIGSTOP)
    with Probe(pair.net.alice, pair.net.bob) as probe:
        time.sleep(STOPPED)
        pair.a.ike.signal(signal.SIGCONT)
        pair.renew(pair.b, 'child')
    pair.expect_no_loss(probe, losses_before)
    if {ike['uniqueid'] for ike in pair.a.ctl('sas')['ike_sas']} != sas_before:
        raise LabError('another IKE SA after a pause')
    pair.down()
    pair.expect_order()


def test_the_data_plane_stalls(lab):
    pair = pair_of(lab)
    pair.use()
    pair.a.dataplane.signal(signal.SIGSTOP)
    time.sleep(STALLED)
    pair.a.dataplane.signal(signal.SIGCONT)
    wait_until(lambda: pair.net.alice.ping(pair.net.bob, count=1, check=False, wait=1), 'the tunnel after a stall', 10)
    pair.expect_one_child()
    pair.use()
    for way in ('a', 'b'):
        pair.renew(getattr(pair, way), 'child')
    pair.down()
    pair.expect_order()


def test_a_link_goes_and_comes(lab):
    pair = pair_of(lab)
    net = pair.net
    pair.use()
    for round_ in range(3):
        net.a.ns.ip('link', 'set', net.WAN, 'down')
        net.alice.expect_no_answer(net.bob, 'through a link that is down')
        net.a.ns.ip('link', 'set', net.WAN, 'up')
        wait_until(lambda: net.alice.ping(net.bob, count=1, check=False, wait=1), f'the tunnel after the link, {round_ + 1}', 10)
    pair.use()
    pair.down()
    pair.expect_order()


def test_a_path_that_swallows_what_is_too_long(lab):
    net = Topology(lab, nat=True)
    router = net.nat.ns
    router.ip('link', 'set', 'outside', 'mtu', str(PATH))
    router.run('nft', 'add table inet hole; add chain inet hole out { type filter hook output priority 0; }; '
                      'add rule inet hole out meta l4proto icmp drop')
    pair = pair_of(lab, net, {'mss': SEGMENT}, a='10.99.0.2', b_connection={'remote_addrs': '%any'})
    if net.alice.ping(net.bob, count=2, size=LONG, check=False, wait=1, df=True):
        raise LabError('the path is no hole')
    pair.use()
    pair.rekey_under_load(count=2)
    pair.down()
    pair.expect_order()

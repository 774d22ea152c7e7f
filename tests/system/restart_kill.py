"""kill -9 of either process under traffic, again and again: F01 (culvert-ike) and F02 (culvert-dataplane)."""

import ipaddress
import time

from lab import Charon, Gateway, LabError, Probe, Tunnel, wait_until
from lab.replay import esp_packets, repeated_ivs, send_frames
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'restart'
TIMEOUT = 1500
KILLS = 100
# Ten times what design and a quiet machine ask for (2 s for culvert-ike, 3 s until traffic is back for the dataplane).
IKE_BACK, TRAFFIC_BACK = 20, 30
# A quieter probe than elsewhere: the whole of it is captured.
QUIET = dict(rate=500, sizes=(64, 400))


def culvert_pair(lab):
    net = Topology(lab, whole_capture=True)
    # What lingers after a replacement decides how long a round takes.
    ends = [Gateway(lab, side, name, control={'delete_rekeyed_delay': 1})
            for side, name in ((net.a, 'culvert-a'), (net.b, 'culvert-b'))]
    return Pair(net, *ends, Tunnel()).start()


def settle(pair):
    """Until both ends have one child again and no orphan is left."""
    wait_until(lambda: all(not g.ctl('sas')['orphans'] for g in pair.ours) and all(len(c) == 1 for c in pair.children()),
               'orphans are replaced', IKE_BACK)


def traffic_is_back(pair):
    wait_until(lambda: pair.net.alice.ping(pair.net.bob, count=1, check=False, wait=0.2), 'traffic is back', TRAFFIC_BACK)


def expect_no_iv_twice(pair):
    pair.net.sniffer.stop()
    count, found = repeated_ivs(pair.net.sniffer.pcap)
    # tcpdump may not keep up on a busy machine; what it has seen is checked, and it must be most of the traffic.
    pair.net.lab.note(f'{count} ESP packets captured, {pair.net.sniffer.dropped} dropped by tcpdump')
    if pair.net.sniffer.dropped > count:
        raise LabError(f'the capture is not whole: {pair.net.sniffer.dropped} packets dropped by tcpdump')
    if found or count < 1000:
        raise LabError(f'{len(found)} repetitions in {count} ESP packets: {found[:3]}')


def test_traffic_goes_on_while_ike_is_killed(lab):
    pair = culvert_pair(lab)
    pair.up()
    slowest = 0.0
    with Probe(pair.net.alice, pair.net.bob, **QUIET) as probe:
        for round_ in range(KILLS):
            gateway = pair.ours[round_ % 2]
            gateway.ike.kill()
            time.sleep(0.1)
            start = time.monotonic()
            gateway.start_ike()
            settle(pair)
            slowest = max(slowest, time.monotonic() - start)
    lab.note(f'culvert-ike was back after {slowest:.2f} s at most')
    probe.expect_no_loss()
    pair.use()
    pair.down()
    expect_no_iv_twice(pair)
    pair.expect_order()


def test_orphans_meet_a_strongswan_peer(lab):
    net = Topology(lab)
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), Charon(lab, net.kernel(net.b), 'charon-b'), Tunnel(
        connection={'unique': 'replace'})).start()
    pair.up()
    for _ in range(5):
        pair.a.ike.kill()
        pair.net.alice.ping(pair.net.bob, count=5)
        pair.a.start_ike()
        settle(pair)
        pair.net.alice.ping(pair.net.bob, count=5)
    pair.down()
    pair.expect_order()


def test_ike_is_killed_in_the_middle_of_a_negotiation(lab):
    pair = culvert_pair(lab)
    pair.up()
    with Probe(pair.net.alice, pair.net.bob, **QUIET) as probe:
        for round_ in range(20):
            gateway = pair.ours[round_ % 2]
            (gateway.rekey_ike if round_ % 4 < 2 else gateway.rekey_child)(pair.tunnel.name)
            time.sleep(round_ * 0.0005)          # a rekey takes some milliseconds: each round cuts it at another place
            gateway.ike.kill()
            gateway.start_ike()
            settle(pair)
    probe.expect_no_loss()
    pair.use()
    pair.down()
    pair.expect_order()


class Listener:
    """The newest ESP frames towards a gateway, taken from the growing capture."""

    def __init__(self, pcap, address):
        self._pcap, self._address = pcap, ipaddress.ip_address(address).packed

    def last(self, count):
        frames = [p.frame for p in esp_packets(self._pcap) if p.destination == self._address]
        return frames[-count:]


def test_the_dataplane_is_killed_under_traffic(lab):
    pair = culvert_pair(lab)
    pair.up()
    slowest, replayed = 0.0, 0
    with Probe(pair.net.alice, pair.net.bob, **QUIET) as probe:
        for round_ in range(KILLS):
            gateway = pair.ours[round_ % 2]
            gateway.dataplane.kill()
            start = time.monotonic()
            gateway.start_dataplane()
            traffic_is_back(pair)
            slowest = max(slowest, time.monotonic() - start)
            if round_ % 10 == 0:
                # Somebody on the path sends again what went before the restart; whatever is accepted arrives twice.
                listener = Listener(pair.net.sniffer.pcap, gateway.side.wan_addresses[0].split('/')[0])
                frames = listener.last(200)
                replayed += len(frames)
                send_frames(pair.net.outside.ns, pair.net.outside.name, frames)
    lab.note(f'traffic was back after {slowest:.2f} s at most; {replayed} old packets sent again; lost {probe.lost()}')
    duplicates = sum(d['duplicates'] for d in probe.report.values())
    if duplicates or replayed < 500:
        raise LabError(f'{duplicates} old packets were accepted of {replayed} sent again')
    if any(d['received'] < d['sent'] // 10 for d in probe.report.values()):
        raise LabError(f'hardly anything passed: {probe.summary()}')
    wait_until(lambda: all(len(c) == 1 for c in pair.children()), 'one child at both ends', 60)
    pair.use()
    pair.down()
    expect_no_iv_twice(pair)
    pair.expect_order()


def test_both_are_killed(lab):
    pair = culvert_pair(lab)
    pair.up()
    for _ in range(5):
        for daemon in (pair.a.ike, pair.a.dataplane):
            daemon.kill()
        pair.net.alice.expect_no_answer(pair.net.bob, 'something forwards although nobody is there')
        pair.a.start_dataplane()
        pair.a.start_ike()
        pair.a.initiate(pair.tunnel.name)
        traffic_is_back(pair)
    pair.expect_order()

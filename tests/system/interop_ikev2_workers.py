"""One gateway with two workers: SAs are spread over them, and what arrives at the wrong one is handed over."""

from lab import Gateway, LabError, Probe, Tunnel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 300
REKEYS = 10


def protocols(network, *names):
    return ', '.join(f'{network}[{name}]' for name in names)


class TwoChildren(Tunnel):
    """`net` carries TCP and ICMP, `udp` the rest: two Child SAs between the same networks."""

    def conf(self, side):
        conf = super().conf(side)
        children = conf['connections'][self.name]['children']
        net = children[self.name]
        for child, names in (('udp', ('udp',)), (self.name, ('tcp', 'icmp'))):
            children[child] = {**net, **{ts: protocols(net[ts], *names) for ts in ('local_ts', 'remote_ts')}}
        return conf


def work_by_worker(gateway):
    """{worker: packets of the SAs it owns}, of the live Child SAs."""
    done = {}
    for ike in gateway.ctl('sas')['ike_sas']:
        for child in ike['child_sas'].values():
            for way in ('in', 'out'):
                worker = child[f'worker_{way}']
                done[worker] = done.get(worker, 0) + child[f'packets_{way}']
    return done


def rekey(pair, gateway, child):
    """Until both ends have the new one and only that."""
    old = gateway.installed(child)[0].unique_id
    gateway.rekey_child(child)
    wait_until(lambda: all(len(g.installed(child)) == 1 for g in pair.ours) and gateway.installed(child)[0].unique_id != old,
               f'a rekeyed {child}', 20)


MOVES = 20


def test_sas_change_their_worker_under_traffic(lab):
    net = Topology(lab)
    a, b = Gateway(lab, net.a, 'culvert-a', dataplane={'workers': '0-1', 'rebalance': 'no'}), Gateway(lab, net.b, 'culvert-b')
    pair = Pair(net, a, b, Tunnel()).start()
    pair.up()
    pair.use()
    drops_before, losses_before = [g.drops() for g in pair.ours], pair.losses_elsewhere()

    def owners():
        children = [c for ike in a.ctl('sas')['ike_sas'] for c in ike['child_sas'].values()]
        return {c[f'worker_{way}'] for c in children for way in ('in', 'out')}

    with Probe(net.alice, net.bob, rate=500) as probe:
        for round_ in range(MOVES):
            to = 1 - min(owners())
            a.ctl('move', 'net', str(to))
            wait_until(lambda to=to: owners() == {to}, f'SAs at worker {to}', 10)
    pair.expect_no_loss(probe, losses_before)
    pair.expect_no_rekey_drops(drops_before)
    rows = a.ctl('workers')['workers']
    lab.note(f'workers: {rows}')
    if sum(row['sas_got'] for row in rows) != 2 * MOVES or sum(row['sas'] for row in rows) != 2:
        raise LabError(f'the books of the workers: {rows}')
    pair.down()
    pair.expect_order()


def test_two_workers_share_the_sas(lab):
    net = Topology(lab)
    a, b = Gateway(lab, net.a, 'culvert-a', dataplane={'workers': '0-1'}), Gateway(lab, net.b, 'culvert-b')
    pair = Pair(net, a, b, TwoChildren()).start()
    pair.up()
    a.initiate('udp')
    pair.use()
    drops_before, losses_before = [g.drops() for g in pair.ours], pair.losses_elsewhere()
    with Probe(net.alice, net.bob) as probe:
        for round_ in range(REKEYS):
            for child in ('net', 'udp'):
                rekey(pair, (a, b)[round_ % 2], child)
    pair.expect_no_loss(probe, losses_before)
    pair.expect_no_rekey_drops(drops_before)
    with Probe(net.alice, net.bob, rate=200):
        pair.use()
    work = work_by_worker(a)
    lab.note(f'packets by worker: {work}')
    if set(work) != {0, 1} or min(work.values()) < 100:
        raise LabError(f'the SAs are not spread over two workers: {work}')
    pair.down()
    pair.expect_order()

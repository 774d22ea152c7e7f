"""What every tunnel is put through: up, used, rekeyed without loss, deleted. Shared by the interop and restart suites."""

from .host import Probe
from .process import LabError, wait_until

# Beside these a rekey may not drop anything: each says that an SA was wanted a moment too early or too late.
REKEY_DROPS = ('unknown-spi', 'replayed', 'no-sa', 'policy', 'retired')
REKEYS = 20


class Pair:
    """Two gateways with one tunnel between them. `ours` is the list of those that are Culvert's."""

    def __init__(self, net, a, b, tunnel, ipv6=False):
        self.net, self.a, self.b, self.tunnel, self.ipv6 = net, a, b, tunnel, ipv6
        self.ours = [g for g in (a, b) if hasattr(g, 'expect_balance')]

    def start(self):
        self.b.start(self.tunnel.conf('b'))
        self.a.start(self.tunnel.conf('a'))
        return self

    def up(self, initiator='a'):
        first, second = (self.a, self.b) if initiator == 'a' else (self.b, self.a)
        first.initiate(self.tunnel.name)
        self.expect_one_child()

    def children(self):
        """The installed children of the tunnel at both ends."""
        return self.a.installed(self.tunnel.name), self.b.installed(self.tunnel.name)

    def expect_one_child(self, timeout=15):
        wait_until(lambda: all(len(c) == 1 for c in self.children()), 'one child at both ends', timeout)

    def use(self, seconds=1):
        """ping and iperf3, both ways."""
        alice, bob = self.net.alice, self.net.bob
        alice.ping(bob, ipv6=self.ipv6)
        bob.ping(alice, ipv6=self.ipv6)
        for reverse in (False, True):
            if alice.iperf3(bob, seconds, reverse=reverse, ipv6=self.ipv6) <= 0:
                raise LabError('iperf3 moved nothing')

    def down(self, by='a'):
        """The IKE SA is deleted by one side; neither has anything left, and nothing passes any more."""
        (self.a if by == 'a' else self.b).terminate(self.tunnel.name)
        self.expect_nothing_left()
        self.net.alice.expect_no_answer(self.net.bob, 'alice still reaches bob without an SA', self.ipv6)

    def expect_nothing_left(self):
        wait_until(lambda: not self.a.sas() and not self.b.sas(), 'no SA left at either end', 20)
        for gateway in self.ours:
            wait_until(lambda g=gateway: not g.ctl('sas')['orphans'], f'{gateway.name}: no SA left in the data plane', 20)

    def expect_order(self, but_from=None):
        """What holds after every test: both processes live, books balance, and nothing outside is readable (but_from: sniffer)."""
        for gateway in self.ours:
            gateway.ike.check()
            gateway.dataplane.check()
            gateway.expect_balance()
        self.net.sniffer.expect_no_plaintext(but_from)

    # ---- rekeying ----

    def renew(self, gateway, kind):
        """One rekey asked of `gateway`; returns when both ends have the new SA and only that."""
        name = self.tunnel.name

        def current():
            sas = [sa for sa in gateway.sas() if sa.name == name and sa.state == 'ESTABLISHED']
            ids = {sa.unique_id for sa in sas} if kind == 'ike' else \
                {c.unique_id for sa in sas for c in sa.children if c.name == name and c.state == 'INSTALLED'}
            return ids if len(ids) == 1 else None

        before = wait_until(current, f'{gateway.name}: one {kind} SA before the rekey', 20)
        (gateway.rekey_ike if kind == 'ike' else gateway.rekey_child)(name)
        wait_until(lambda: (current() or before) != before, f'{gateway.name}: a rekeyed {kind} SA', 20)
        self.expect_one_child()

    def rekey_many(self, count=REKEYS):
        """`count` rekeys of the child and as many of the IKE SA, by each side in turn, under a numbered probe."""
        drops_before = [g.drops() for g in self.ours]
        losses_before = self.losses_elsewhere()
        with Probe(self.net.alice, self.net.bob, ipv6=self.ipv6) as probe:
            for round_ in range(count):
                side = (self.a, self.b)[round_ % 2]
                self.renew(side, 'child')
                self.renew(side, 'ike')
        self.expect_no_loss(probe, losses_before)
        self.expect_no_rekey_drops(drops_before)

    def rekey_under_load(self, count=4):
        """Rekeys beside iperf3: rates may suffer, but nothing is dropped for want of the right SA."""
        drops_before = [g.drops() for g in self.ours]
        for side in (self.a, self.b):
            bulk = self.net.alice.iperf3_in_background(self.net.bob, seconds=4, ipv6=self.ipv6)
            for _ in range(count // 2):
                self.renew(side, 'child')
                self.renew(side, 'ike')
            bulk.wait()
        self.expect_no_rekey_drops(drops_before)

    def expect_no_rekey_drops(self, before):
        for gateway, old in zip(self.ours, before):
            new = gateway.drops()
            grown = {r: new[r] - old.get(r, 0) for r in REKEY_DROPS if new.get(r, 0) > old.get(r, 0)}
            if grown:
                raise LabError(f'{gateway.name} dropped packets around rekeys: {grown}')

    def losses_elsewhere(self):
        """Packets lost where nobody's tunnel is to blame: by wires, by devices under our ports, by a foreign peer."""
        found = dict(self.net.losses())
        for gateway in (self.a, self.b):
            if hasattr(gateway, 'port_losses'):
                found.update(gateway.port_losses())
            else:
                # One in user space takes ESP from a socket, which overflows where the machine does not let it run.
                found[f'{gateway.name}/sockets'] = gateway.ns.socket_losses()
        return found

    def expect_no_loss(self, probe, losses_before):
        """Every datagram arrived, but what the counters beside the tunnel show as lost meanwhile."""
        after = self.losses_elsewhere()
        grown = {name: n - losses_before.get(name, 0) for name, n in after.items() if n > losses_before.get(name, 0)}
        if probe.lost():
            self.net.lab.note(f'lost beside the tunnel: {grown}; drops: {[g.drops() for g in self.ours]}')
        probe.expect_no_loss(allowed=sum(grown.values()), why=f'{grown}')

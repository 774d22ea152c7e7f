"""A Culvert gateway: culvert-dataplane and culvert-ike with a configuration and a run folder of their own."""

import json
import os

from .process import WORKER_CORES, Daemon, LabError, run, wait_until
from .swanctl import Vici, render, run_swanctl

DEVICES = {
    'af_xdp': 'net_af_xdp{index},iface={interface}',
    'af_packet': 'net_af_packet{index},iface={interface}',
}
# What received packets become: the two sides of the balance, beside the drops by reason.
SOURCES = ('received', 'injected')
SINKS = ('forwarded', 'punted', 'consumed', 'held')
# Reasons that may count in any run: background noise of a kernel's stack on the wires (ND of a fresh veth, IGMP, LLDP).
NOISE = {'not-for-us', 'unknown-ethertype', 'martian', 'unconsumed', 'icmp-ignored', 'no-neighbour'}


def device(port, index, interface):
    return DEVICES[port].format(index=index, interface=interface)


class Gateway(Vici):
    """`side` of a topology is its place. Either process can be started, stopped and killed alone."""

    def __init__(self, lab, side, name, port='af_xdp', dataplane=None, control=None):
        self.lab, self.side, self.ns, self.name = lab, side, side.ns, name
        self.folder = lab.work / name
        self.config, self.run_folder = self.folder / 'etc', self.folder / 'run'
        self._port, self._dataplane, self._control = port, dataplane or {}, control or {}
        common = ['--config', self.config, '--run', self.run_folder]
        self.keylog, self.keylogging = self.folder / 'keys', False
        self.mtu = {}                          # port name -> octets, where it is not 1500
        self.port_keys = {}                    # port name -> more keys of it
        self._taps = {}                        # interface -> name of its port, which has a TAP
        # The workers pin themselves; the main thread floats.
        self.dataplane = Daemon(f'culvert-dataplane of {name}', [lab.programs / 'culvert-dataplane', *common],
                                lab.log(f'{name}-dataplane.log'), netns=self.ns, cores=None)
        self.ike = Daemon(f'culvert-ike of {name}', [lab.programs / 'culvert-ike', *common], lab.log(f'{name}-ike.log'),
                          netns=self.ns)
        lab.on_close(self.stop)

    # ---- configuration ----

    def tap(self, interface, port):
        """The port on `interface` is called `port` from now on, and so is its TAP: an interface has that name alone."""
        self._taps[interface] = port

    def write_config(self, conf):
        """culvert.conf and, for `control`, swanctl.conf. conf: sections of swanctl.conf, or None for a plain router."""
        self.config.mkdir(parents=True, exist_ok=True)
        self.run_folder.mkdir(exist_ok=True)
        secrets = self.config / 'swanctl.conf'
        secrets.write_text(render(conf or {}))
        secrets.chmod(0o600)     # culvert-ike refuses secrets that everybody may read
        ports = {self._taps.get(name, name): {'device': device(self._port, index, name), 'addrs': addresses,
                                              'mtu': self.mtu.get(name), 'tap': True if name in self._taps else None,
                                              **self.port_keys.get(name, {})}
                 for index, (name, addresses) in enumerate((('wan', self.side.wan_addresses), ('lan', self.side.lan_addresses)))}
        routes = {f'r{index}': {'to': to, 'via': via} for index, (to, via) in enumerate(self.side.routes)}
        core = WORKER_CORES[self.ns.name]
        (self.config / 'culvert.conf').write_text(render({
            'dataplane': {'workers': f'{core}-{core}', 'hugepages': 'no', 'idle': 'adaptive',
                          **({'without_ike': 'forward'} if conf is None else {}), **self._dataplane,
                          'ports': ports, 'routes': routes},
            'control': {**self._control}}).removesuffix('}\n') + '  include swanctl.conf\n}\n')

    # ---- life ----

    def start(self, conf=None):
        self.write_config(conf)
        self.start_dataplane()
        if conf is not None:
            self.start_ike()
        return self

    def start_dataplane(self):
        self.dataplane.start()
        self._wait(self.dataplane, lambda: self._asks('ports'), 'answers culvertctl', 30)

    def start_ike(self):
        if self.keylogging:
            self.keylog.mkdir(exist_ok=True)
        self.ike.start(extra=['--keylog', self.keylog] if self.keylogging else [])
        self._wait(self.ike, lambda: self._asks('status'), 'is up and has synchronised', 20)

    def _wait(self, daemon, condition, what, timeout):
        wait_until(lambda: condition() or daemon.check(), f'{daemon.name} {what}', timeout)

    def _asks(self, what):
        return self.ctl_process(what).returncode == 0

    def stop(self):
        """Both, in the order in which an operator would; LabError where one had to be killed."""
        stuck = [d.name for d in (self.ike, self.dataplane) if d.stop(15) is None]
        if stuck:
            raise LabError(f'does not end on SIGTERM: {", ".join(stuck)}')

    # ---- questions ----

    def ctl_process(self, *words, timeout=40):
        return run(self.lab.programs / 'culvertctl', '--run', self.run_folder, *words, timeout=timeout, check=False)

    def ctl(self, *words):
        """culvertctl --json: its answer as a value."""
        done = self.ctl_process('--json', *words)
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            raise LabError(f'{self.name}: culvertctl {" ".join(map(str, words))}: {done.returncode}\n{done.stdout[-1000:]}') from None

    def drops(self):
        """{reason: packets} of the reasons that are not zero."""
        return {reason: count for reason, count in self.ctl('drops')['drops'].items() if count}

    def port_losses(self):
        """Packets that the devices under its ports count as lost before they reached us: {'port': packets}."""
        return {f'{self.name}/{port["name"]}': sum(port[k] for k in ('rx_missed', 'rx_errors', 'tx_errors'))
                for port in self.ctl('ports')['ports']}

    def balance(self):
        """(packets in, packets accounted for), from one snapshot of the counters."""
        counters = self.ctl('counters')
        return (sum(counters[k] for k in SOURCES), sum(counters[k] for k in SINKS) + sum(counters['drops'].values()))

    def expect_balance(self):
        """The books balance once nothing is on its way any more."""
        try:
            wait_until(lambda: len(set(self.balance())) == 1, 'balance', 10, interval=0.2)
        except LabError:
            came, went = self.balance()
            raise LabError(f'{self.name}: {came} packets in, {went} accounted for: {self.ctl("counters")}') from None

    def expect_drops_only(self, *reasons):
        """LabError where packets were dropped for any other reason (but the noise of a network)."""
        other = {r: n for r, n in self.drops().items() if r not in reasons and r not in NOISE}
        if other:
            raise LabError(f'{self.name} dropped packets: {other}')

    def log_text(self):
        return self.ike.log.read_text(errors='replace') if self.ike.log.exists() else ''

    def _swanctl(self, words, timeout):
        status, output = run_swanctl(f'unix://{self.run_folder}/vici.sock', self.folder, words, timeout, dict(os.environ))
        if status:
            self.ike.check()     # that it has ended says more than that nobody answers
        return status, output

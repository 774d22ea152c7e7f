"""Hosts behind the gateways, and the traffic between them."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from .process import EVERYTHING_ELSE, Daemon, LabError, run, wait_until

PROBE = Path(__file__).with_name('probe.py')


class Host:
    """A station with an ordinary kernel stack."""

    def __init__(self, lab, ns, address, address6=None):
        self.lab, self.ns, self.address, self.address6 = lab, ns, address, address6

    def _peer_address(self, peer, ipv6):
        return peer.address6 if ipv6 else peer.address

    def ping(self, peer, count=3, ipv6=False, check=True, size=56, interval=0.05, df=None, wait=5):
        """Pings a host (or an address); the number of answers. check: LabError unless every one came within `wait` seconds. df:
        set, or not; None: as the kernel has it, which cuts by itself what it has been told is too long."""
        to = peer if isinstance(peer, str) else self._peer_address(peer, ipv6)
        cut = [] if df is None else ['-M', 'do' if df else 'dont']
        done = self.ns.run('ping', '-n', '-q', '-c', count, '-i', interval, '-W', wait, '-s', size, *cut,
                           to, check=False, timeout=60)
        match = re.search(r'(\d+) received', done.stdout)
        answers = int(match[1]) if match else 0
        if check and answers != count:
            raise LabError(f'{self.ns} pings {to}: {answers} of {count} answered\n{done.stdout}')
        return answers

    def expect_no_answer(self, peer, why, ipv6=False):
        """LabError `why` where a ping gets through: what passes is answered in milliseconds here, so a second tells."""
        if self.ping(peer, count=2, ipv6=ipv6, check=False, wait=1):
            raise LabError(why)

    def iperf3(self, peer, seconds=3, reverse=False, ipv6=False, udp_mbit=None):
        """Bulk traffic to `peer` (with reverse: from it); bits per second that arrived."""
        return Iperf3(self, peer, seconds, reverse, ipv6, udp_mbit).wait()

    def iperf3_in_background(self, peer, seconds=3, reverse=False, ipv6=False):
        """The same, running: wait() on what this returns gives the bits per second."""
        return Iperf3(self, peer, seconds, reverse, ipv6)


class Iperf3:
    """A client and its server, started; wait() for the bits per second that arrived."""

    def __init__(self, host, peer, seconds, reverse, ipv6, udp_mbit=None):
        to = peer.address6 if ipv6 else peer.address
        lab = host.lab
        self._what, self._seconds, self._udp = f'iperf3 {host.ns} {"from" if reverse else "to"} {to}', seconds, udp_mbit
        self._report = lab.log(f'iperf3-{host.ns}.json')
        self._report.unlink(missing_ok=True)
        self._server = Daemon('iperf3 server', ['iperf3', '-s', '-1', '-B', to], lab.log(f'iperf3-{peer.ns}'), netns=peer.ns)
        kind = ['-u', '-b', f'{udp_mbit}M', '-l', 1200] if udp_mbit else []
        self._client = Daemon(self._what, ['iperf3', '-J', '-c', to, '-t', seconds, '--connect-timeout', 10000,
                                           *(['-R'] if reverse else []), *kind], self._report, netns=host.ns)
        lab.on_close(self.stop)
        self._server.start()
        wait_until(lambda: run('ss', '-Hltn', 'sport = :5201', netns=peer.ns).stdout.strip() or self._server.check(),
                   'iperf3 server listening')
        self._client.start()

    def wait(self):
        status = self._client.wait(60 + 10 * self._seconds)
        self.stop()
        try:
            report = json.loads(self._report.read_text())
            return report['end']['sum' if self._udp else 'sum_received']['bits_per_second']
        except (ValueError, KeyError):
            raise LabError(f'{self._what}: {"no end" if status is None else status}: '
                           f'{self._report.read_text()[-600:]}') from None

    def stop(self):
        self._client.stop(2)
        self._server.stop(2)


class Probe:
    """Numbered datagrams both ways between two hosts while something happens; says exactly which were lost.

        with Probe(alice, bob) as probe: ...
        probe.expect_no_loss()
    """

    def __init__(self, a, b, rate=2000, sizes=(64, 1400), ipv6=False):
        self.report = None
        self._a, self._b = a, b
        self._low, self._high = (max(sizes[0], 80) if ipv6 else sizes[0]), sizes[1]
        self._command = ['taskset', '-c', EVERYTHING_ELSE, sys.executable, str(PROBE), a.ns.name,
                         a.address6 if ipv6 else a.address, b.ns.name, b.address6 if ipv6 else b.address,
                         str(rate), str(self._low), str(self._high)]

    def __enter__(self):
        self._errors = open(self._a.lab.log('probe'), 'ab')
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                                         start_new_session=True)
        self._a.lab.on_close(self._process.kill)
        time.sleep(0.5)
        if self._process.poll() is not None:
            raise LabError('the probe did not start:\n' + Path(self._errors.name).read_text())
        return self

    def __exit__(self, kind, value, trace):
        try:
            output, _ = self._process.communicate(timeout=60)     # closes its standard input, which ends it
        except subprocess.TimeoutExpired:
            self._process.kill()
            output = b''
        self._errors.close()
        if kind is None:
            if not output:
                raise LabError('the probe ended without a report')
            self.report = json.loads(output)
            self._a.lab.note(f'probe: {self.summary()}')

    def summary(self):
        return ', '.join(f'{name}: {d["received"]} of {d["sent"]}' + (f', lost {d["missing"][:5]}' if d['lost'] else '')
                         for name, d in self.report.items())

    def lost(self):
        """Datagrams that neither arrived nor are counted by the receiving socket as its own loss."""
        return sum(max(0, d['lost'] - d['socket_drops']) for d in self.report.values())

    def expect_no_loss(self, allowed=0, why=''):
        """allowed: how many the counters of `why` (a veth, the peer) show as their own loss."""
        for name, direction in self.report.items():
            if direction['sent'] < 100:
                raise LabError(f'probe {name}: only {direction["sent"]} sent')
            if direction['duplicates'] or direction['foreign']:
                raise LabError(f'probe {name}: {direction["duplicates"]} duplicates, {direction["foreign"]} foreign')
        if self.lost() > allowed:
            raise LabError(f'the probe lost {self.lost()}{f" ({allowed} by {why})" if allowed else ""}: {self.summary()}')

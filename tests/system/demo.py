#!/usr/bin/env python3
"""What tools/demo runs on the platform: one tunnel between two hosts, shown step by step."""

import argparse
import os
import socket
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / 'tools' / 'lib')]
import build  # noqa: E402
from lab import Charon, Daemon, Gateway, Lab, LabError, Tunnel, UmlKernel, wait_until  # noqa: E402
from lab.signals import end_in_order  # noqa: E402
from lab.topology import Topology  # noqa: E402

PEERS = {
    'strongswan': 'strongSwan 6.0, user space',
    'kernel': 'strongSwan + kernel ESP (UML)',
    'culvert': 'Culvert',
}
# "The faster that works here": AF_XDP wants a kernel with XDP sockets.
AF_XDP = 44            # Python has no name for it
PORTS = ('af_xdp', 'af_packet')

PICTURE = '''
    alice ------------- gateway A ============= gateway B ------------- bob
    10.1.0.2     10.1.0.1     192.0.2.1     192.0.2.2     10.2.0.1     10.2.0.2

    gateway A   Culvert: culvert-ike and culvert-dataplane on {port}
    gateway B   {peer}
    tunnel      IKEv2, pre-shared key, X25519, AES-128-GCM; {initiator} begins
    ============ is sniffed: nothing of 10.1.0.0/24 and 10.2.0.0/24 may be readable there
'''


class Steps:
    """Visible progress: a line for each step, with the time it took."""

    def __init__(self):
        self.start = time.monotonic()

    def do(self, what, action):
        print(f'  {what} ...', end='', flush=True)
        start = time.monotonic()
        result = action()
        shown = f' {result}' if isinstance(result, str) else ''
        print(f' ok{shown} ({time.monotonic() - start:.1f} s)', flush=True)
        return result


def default_port():
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW, 0).close()
        return 'af_xdp'
    except OSError:
        return 'af_packet'


def mbit(bits):
    return f'{bits / 1e6:.0f} Mbit/s'


def make_peer(lab, net, kind, port):
    if kind == 'culvert':
        return Gateway(lab, net.b, 'B', port)
    if kind == 'kernel':
        return UmlKernel(lab, net.b.ns, 'B', net.kernel_interfaces(net.b))
    return Charon(lab, net.kernel(net.b), 'B')


def demonstrate(lab, arguments):
    """Brings everything up and uses it; the text of the final line."""
    step = Steps()
    net = step.do('namespaces and wires', lambda: Topology(lab))
    tunnel = Tunnel(name='demo')
    a, b = Gateway(lab, net.a, 'A', arguments.port), make_peer(lab, net, arguments.peer, arguments.port)
    if arguments.keep:
        keep_holder(lab)
    step.do(f'gateway B: {PEERS[arguments.peer]}', lambda: b.start(tunnel.conf('b')) and None)
    step.do('gateway A: Culvert', lambda: a.start(tunnel.conf('a')) and None)
    first, second = (a, b) if arguments.initiator == 'a' else (b, a)
    step.do(f'{arguments.initiator.upper()} initiates IKEv2', lambda: first.initiate(tunnel.name) and None)
    wait_until(lambda: second.installed(tunnel.name), 'the child is installed at the responder')
    step.do('alice pings bob', lambda: f'{net.alice.ping(net.bob, count=5)} of 5 answered')
    there = net_throughput(step, net, 'iperf3 alice to bob', reverse=False)
    back = net_throughput(step, net, 'iperf3 bob to alice', reverse=True)
    step.do('the books of A balance', lambda: a.expect_balance())
    if not arguments.keep:
        step.do('no plaintext outside', lambda: net.sniffer.expect_no_plaintext())
    report(a, b, arguments)
    return (f'IKEv2 with {PEERS[arguments.peer]}, {arguments.initiator.upper()} initiated; '
            f'{mbit(there)} to bob, {mbit(back)} to alice; {time.monotonic() - step.start:.0f} s')


def net_throughput(step, net, what, reverse):
    bits = []
    step.do(what, lambda: bits.append(net.alice.iperf3(net.bob, seconds=3, reverse=reverse)) or mbit(bits[0]))
    return bits[0]


def indented(text):
    return ''.join(f'    {line}\n' for line in text.rstrip().splitlines())


def report(a, b, arguments):
    print('\nIKE SA and Child SA, as A sees them (culvertctl sas):')
    print(indented(a.ctl_process('sas').stdout))
    print('and as B sees them:')
    print(indented(b.ctl_process('sas').stdout if arguments.peer == 'culvert' else b.sas_text()))
    counters = a.ctl('counters')
    print('Counters of A (culvertctl counters), packets:')
    for name, value in counters.items():
        if name != 'drops' and isinstance(value, int):
            print(f'    {name:<24}{value:>12}')
    for reason, count in counters['drops'].items():
        if count:
            print(f'    dropped: {reason:<15}{count:>12}')
    came, went = a.balance()
    print(f'Balance: received + injected = {came}; forwarded + punted + consumed + held + drops = {went}\n')


# ---- --keep ----

def state_folder():
    return Path(os.environ['CULVERT_SRC']) / 'build' / 'demo'


def keep_holder(lab):
    """A process that outlives us in this mount namespace: the way in for `tools/demo --in`, and what --stop ends last."""
    holder = Daemon('holder', ['sleep', 'infinity'], lab.log('holder')).start()
    lab.on_close(holder.kill)
    (state_folder() / 'holder').write_text(f'{holder.pid}\n')
    lab.on_close((state_folder() / 'holder').unlink)


def say_how_to_look(lab):
    print('It stays up. From the folder of the checkout:')
    for command in ('--in alice ping 10.2.0.2', f'--in a culvertctl --run {lab.work}/A/run sas',
                    f'--in a culvertctl --run {lab.work}/A/run drops', '--in outside tcpdump -ni br0'):
        print(f'    sudo tools/demo {command}')
    print('  and to stop it:\n    sudo tools/demo --stop\n')


def main():
    parser = argparse.ArgumentParser(prog='tools/demo')
    parser.add_argument('--peer', choices=PEERS, default='strongswan', help='who is gateway B')
    parser.add_argument('--initiator', choices=['a', 'b'], default='a', help='who begins')
    parser.add_argument('--port', choices=PORTS, help='how Culvert reaches the wires (default: the faster that works here)')
    parser.add_argument('--keep', action='store_true', help='leave it up')
    parser.error = lambda why: sys.exit(f'demo: FAILED: {why}')
    arguments = parser.parse_args()
    arguments.port = arguments.port or default_port()
    end_in_order()

    print(PICTURE.format(port=arguments.port, peer=PEERS[arguments.peer], initiator=f'gateway {arguments.initiator.upper()}'))
    state_folder().mkdir(parents=True, exist_ok=True)
    lab = Lab(state_folder() / 'logs')
    failed = ''
    try:
        build.build_programs('release')
        done = demonstrate(lab, arguments)
        lab.kept = arguments.keep
    except (LabError, build.BuildError) as error:
        failed = str(error)
    except KeyboardInterrupt as signalled:
        failed = f'stopped by {signalled}'
    except Exception as error:
        failed = f'{type(error).__name__}: {error}'
    if failed:
        print(' failed\n' + indented('\n'.join(failed.splitlines()[1:])) + lab.log_tails(), flush=True)
    if lab.kept:
        say_how_to_look(lab)
    else:
        print('  taking everything away ...', end='', flush=True)
        lab.close()
        print(' ok', flush=True)
    print(f'demo: FAILED: {failed.splitlines()[0].rstrip(":")}' if failed else f'demo: ok ({done})', flush=True)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()

"""Seeing packets: culvertctl trace, capture and stages of a gateway that speaks with strongSwan."""

import json
import subprocess
import time

from lab import Charon, Gateway, LabError, Tunnel, tshark, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-dataplane'
TIMEOUT = 300
OUT = ['receive', 'classify', 'policy', 'seal', 'encipher', 'transmit', 'transmitted']
IN = ['receive', 'classify', 'open', 'verify', 'accept', 'inside', 'policy', 'transmit', 'transmitted']


class Watcher:
    """culvertctl watching in the background, from when the data plane has armed its workers."""

    def __init__(self, lab, gateway, *words):
        self.name = f'culvertctl {" ".join(map(str, words))}'
        self.out = lab.log(f'watch-{time.monotonic_ns()}.out')
        seen = gateway.dataplane.log.read_text(errors='replace').count('watches packets')
        with open(self.out, 'wb') as out:
            self.process = subprocess.Popen([lab.programs / 'culvertctl', '--run', gateway.run_folder, *map(str, words)],
                                            stdout=out, stderr=subprocess.PIPE, text=True)
        lab.on_close(self.process.kill)
        wait_until(lambda: gateway.dataplane.log.read_text(errors='replace').count('watches packets') > seen or
                   self.process.poll() is not None, f'{self.name} watches', 20)

    def finish(self):
        """(stdout, stderr) once it has ended by itself, well."""
        try:
            _, errors = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise LabError(f'{self.name} does not end') from None
        if self.process.returncode:
            raise LabError(f'{self.name}: {self.process.returncode}: {errors}')
        return self.out.read_text(errors='replace'), errors


def passes(packet):
    return [step.get('exit', step.get('stage')) for step in packet['path']]


def packets(text):
    return [value for value in map(json.loads, text.splitlines()) if 'packet' in value]


def expect(condition, what):
    if not condition:
        raise LabError(what)


def start(lab, **tunnel):
    net = Topology(lab)
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), Charon(lab, net.kernel(net.b), 'charon-b'), Tunnel(**tunnel)).start()
    pair.up()
    net.alice.ping(net.bob)
    return net, pair


def spis(gateway):
    sas = gateway.ctl('sas')['ike_sas'][0]['child_sas']
    child = next(iter(sas.values()))
    return child['spi_in'], child['spi_out'], child['name']


def send_bad_spi(net, inbound):
    """One ESP packet to us with an SPI nobody has, from the peer's place."""
    script = ('import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50); '
              's.sendto(bytes.fromhex(sys.argv[1]) + bytes(60), (sys.argv[2], 0))')
    spi = f'{int(inbound, 16) ^ 0x04000:08x}'
    net.b.ns.run('python3', '-c', script, spi, net.a.wan_addresses[0].split('/')[0])
    return spi


def test_trace(lab):
    net, pair = start(lab)
    spi_in, spi_out, child = spis(pair.a)

    watch = Watcher(lab, pair.a, '--json', 'trace', '--from', '10.1.0.2', '--to', '10.2.0.2', '--protocol', 'icmp', '--count', 2)
    net.alice.ping(net.bob, count=1)
    ways = packets(watch.finish()[0])
    expect(sorted(map(passes, ways)) == sorted([OUT, IN]), f'a ping goes by {[passes(way) for way in ways]}')
    out, back = sorted(ways, key=lambda way: passes(way) != OUT)
    sealed, opened = out['path'][3]['sa'], back['path'][2]['sa']
    expect(sealed['spi'] == spi_out and opened['spi'] == spi_in, f'SAs: {sealed} and {opened}')
    expect(child.startswith(sealed['child']) or sealed['child'] in child, f'{sealed} is called {child}')

    # By SA and as text.
    watch = Watcher(lab, pair.a, 'trace', '--sa', sealed['child'], '--count', 2)
    net.alice.ping(net.bob, count=1)
    text, note = watch.finish()
    for word in ('receive', 'policy', 'encipher', 'verify', 'inside', 'transmitted by wan', 'transmitted by lan', spi_out, spi_in):
        expect(word in text, f'{word} is not in\n{text}')
    expect('2 packets' in note, note)

    # By drop reason.
    watch = Watcher(lab, pair.a, '--json', 'trace', '--drop', 'unknown-spi', '--count', 1)
    net.alice.ping(net.bob, count=1)
    spi = send_bad_spi(net, spi_in)
    ways = packets(watch.finish()[0])
    expect(len(ways) == 1 and ways[0]['path'][-1]['reason'] == 'unknown-spi', f'{ways}')
    expect(spi in {step.get('packet', {}).get('spi') for step in ways[0]['path']}, f'not {spi}: {ways}')

    # The second is told why not; a wrong question as well.
    watch = Watcher(lab, pair.a, 'trace', '--count', 1, '--drop', 'no-route', '--seconds', 3)
    second = pair.a.ctl_process('stages')
    expect(second.returncode != 0 and 'one at a time' in second.stdout, f'a second watch: {second.stdout}')
    watch.finish()
    wrong = pair.a.ctl_process('trace', '--port', 'dmz')
    expect(wrong.returncode != 0 and 'wan, lan' in wrong.stdout, f'a wrong port: {wrong.stdout}')
    pair.expect_order()


def captured(lab, net, pair, *words):
    """(fields of every packet, the whole file) while alice pings bob, until there were enough packets of the filter."""
    file = lab.log(f'capture-{len(words)}.pcapng')
    watch = Watcher(lab, pair.a, 'capture', file, *words)
    net.alice.ping(net.bob, count=3)
    _, note = watch.finish()
    fields = ['frame.interface_name', 'frame.packet_flags_direction', 'frame.comment', 'esp.spi', 'ip.src', 'ip.dst', 'icmp.type']
    return tshark(file, fields), file.read_bytes(), note


def test_capture(lab):
    net, pair = start(lab)
    spi_in, spi_out, _ = spis(pair.a)
    inner = [bytes([10, 1, 0, 2]), bytes([10, 2, 0, 2])]

    seen, octets, note = captured(lab, net, pair, '--port', 'wan', '--seconds', 4)
    esp = [p for p in seen if 'esp.spi' in p]
    found = {int(p['esp.spi'][0], 16) for p in esp}
    expect(found == {int(spi_in, 16), int(spi_out, 16)}, f'SPIs {found}, not {spi_in} and {spi_out}')
    for p in esp:
        spi = f'{int(p["esp.spi"][0], 16):08x}'
        comment = p.get('frame.comment', [''])[0]
        expect(f'SPI {spi}' in comment and comment.startswith('in by SA' if spi == spi_in else 'out by SA'), f'{spi}: {comment}')
        expect(p['frame.interface_name'] == ['wan'], f'{p}')
        expect(int(p['frame.packet_flags_direction'][0], 0) == (1 if spi == spi_in else 2), f'{p}')
    expect(not any(address in octets for address in inner), 'an address of the inside can be read without --clear-text')
    expect('hidden' not in note or '--clear-text' in note, note)

    logged = pair.a.dataplane.log.read_text(errors='replace')
    expect('IN CLEAR' not in logged, 'clear text is logged, and nobody asked for it')
    seen, octets, note = captured(lab, net, pair, '--clear-text', '--protocol', 'icmp', '--count', 6)
    expect('WARNING' in note, f'no warning: {note}')
    inside = {(p['ip.src'][0], p['icmp.type'][0]) for p in seen if 'inside' in p['frame.interface_name'] and 'icmp.type' in p}
    expect(inside == {('10.1.0.2', '8'), ('10.2.0.2', '0')}, f'inside: {inside}')
    expect(all(address in octets for address in inner), 'no address of the inside with --clear-text')
    expect('uid 0' in pair.a.dataplane.log.read_text(errors='replace').split('IN CLEAR')[0].splitlines()[-1], 'who asked is not logged')
    pair.expect_order()


def test_stages(lab):
    net, pair = start(lab)
    watch = Watcher(lab, pair.a, '--json', 'stages', '--seconds', 3)
    net.alice.ping(net.bob, count=5)
    answer = json.loads(watch.finish()[0])
    stages = {row['stage']: row for row in answer['stages']}
    for name in ('receive', 'classify', 'open', 'verify', 'accept', 'inside', 'policy', 'seal', 'encipher', 'transmit'):
        expect(stages.get(name, {}).get('packets', 0) >= 5 and stages[name]['cycles_per_packet'] > 0, f'{name}: {stages}')
    expect(stages['idle']['share'] > 0 and abs(sum(row['share'] for row in answer['stages']) - 1) < 0.001, f'{stages}')
    table = pair.a.ctl_process('stages').stdout
    expect('cycles/packet' in table and 'idle' in table, table)
    pair.expect_order()

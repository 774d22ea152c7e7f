"""A live tunnel while a stranger outside floods its gateway with ESP: of no SA, and of its SA with wrong ICVs (D16, D17)."""

import re

from lab import Gateway, LabError, Probe, Tunnel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'hostile-dataplane'
TIMEOUT = 200
PACKETS, PER_SECOND = 30000, 10000

# In a process of its own, on the bridge: what it is told to send, with numbers far ahead that rise, and ICVs that are wrong.
STRANGER = """
import os, socket, struct, sys, time
to, spi, packets, rate = bytes.fromhex(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('br0', 0))
def checksum(header):
    total = sum(struct.unpack('!10H', header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 136, 0, 0x4000, 64, 50, 0, bytes([192, 0, 2, 2]), bytes([192, 0, 2, 1]))
head = to + bytes.fromhex('020000000077') + b'\\x08\\x00' + head[:10] + struct.pack('!H', checksum(head)) + head[12:]
body = os.urandom(108)
start = time.monotonic()
for n in range(packets):
    of = int(spi, 16) if spi != 'any' else 0x100 + int.from_bytes(os.urandom(3), 'big')
    wire.send(head + struct.pack('!II', of, 0x40000000 + n) + body)
    while (n + 1) / rate > time.monotonic() - start:
        time.sleep(0.001)
"""


def flood(net, gateway, spi):
    mac = next(p['mac'] for p in gateway.ctl('ports')['ports'] if p['name'] == 'wan').replace(':', '')
    net.outside.ns.run('python3', '-c', STRANGER, mac, spi, str(PACKETS), str(PER_SECOND), timeout=60)


def lives_through(lab, reason, spi_of):
    net = Topology(lab)
    a, b = Gateway(lab, net.a, 'culvert-a'), Gateway(lab, net.b, 'culvert-b')
    pair = Pair(net, a, b, Tunnel()).start()
    pair.up()
    pair.use()
    made_before = a.ctl('counters')['injected']
    losses_before = pair.losses_elsewhere()
    with Probe(net.alice, net.bob) as probe:
        flood(net, a, spi_of(a))
    pair.expect_no_loss(probe, losses_before)
    dropped = a.drops().get(reason, 0)
    missed = sum(n - losses_before.get(name, 0) for name, n in pair.losses_elsewhere().items())
    if dropped + missed < PACKETS:
        raise LabError(f'{dropped} of {PACKETS} dropped as {reason}, {missed} lost on the way')
    lines = re.findall(r'alarm.*', a.dataplane.log.read_text())
    begun = [line for line in lines if f' {reason}' in line and 'last second' in line]
    if not 1 <= len(begun) <= 2:
        raise LabError(f'told: {lines}')
    wait_until(lambda: 'alarm over' in a.dataplane.log.read_text(), 'that it is over', 5)
    if (made := a.ctl('counters')['injected'] - made_before) > 100:
        raise LabError(f'answered: {made} packets made')
    pair.use()
    pair.down()
    pair.expect_order()


def test_esp_of_no_sa(lab):
    lives_through(lab, 'unknown-spi', lambda a: 'any')


def test_esp_with_wrong_icvs(lab):
    lives_through(lab, 'bad-icv', lambda a: next(c['spi_in'] for s in a.ctl('sas')['ike_sas'] for c in s['child_sas'].values()))

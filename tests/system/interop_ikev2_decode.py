"""culvert-ike --keylog: Wireshark decrypts IKE and ESP with what it writes."""

from lab import Charon, Gateway, LabError, Tunnel, tshark
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True


def decode(lab, **tunnel):
    net = Topology(lab, whole_capture=True)
    a = Gateway(lab, net.a, 'culvert-a')
    a.keylogging = True
    pair = Pair(net, a, Charon(lab, net.kernel(net.b), 'charon-b'), Tunnel(**tunnel)).start()
    pair.up()
    pair.net.alice.ping(pair.net.bob, count=5)
    pair.down()
    pair.expect_order()
    auth = tshark(net.sniffer.pcap, ['isakmp.exchangetype', 'isakmp.typepayload'], keys=a.keylog,
                  display_filter='isakmp.exchangetype == 35')
    # Inside the encrypted payload: IDi 35, IDr 36, AUTH 39, SA 33, TSi 44, TSr 45.
    payloads = {p for packet in auth for p in packet.get('isakmp.typepayload', [])}
    if not {'35', '36', '39', '33', '44', '45'} <= payloads:
        raise LabError(f'IKE_AUTH stays closed to tshark: payloads {sorted(payloads)}')
    echo = tshark(net.sniffer.pcap, ['ip.src', 'ip.dst', 'icmp.type'], keys=a.keylog, display_filter='esp && icmp.type')
    kinds = [(packet['ip.src'][-1], packet['icmp.type'][-1]) for packet in echo]
    if kinds.count(('10.1.0.2', '8')) != 5 or kinds.count(('10.2.0.2', '0')) != 5:
        raise LabError(f'ESP stays closed to tshark: {kinds}')


def test_gcm(lab):
    decode(lab, esp='aes128gcm16-noesn')


def test_cbc_hmac(lab):
    decode(lab, ike='aes128-sha256-x25519', esp='aes128-sha256-noesn')

"""culvert-ike --keylog with IKEv1: Wireshark decrypts main and quick mode, and ESP, with what it writes."""

from lab import Charon, Gateway, LabError, ikev1_tunnel, tshark
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True


def test_main_mode(lab):
    net = Topology(lab, whole_capture=True)
    a = Gateway(lab, net.a, 'culvert-a')
    a.keylogging = True
    pair = Pair(net, a, Charon(lab, net.kernel(net.b), 'charon-b'), ikev1_tunnel(esp='aes128-sha256')).start()
    pair.up()
    net.alice.ping(net.bob, count=5)
    pair.down()
    pair.expect_order()
    quick = tshark(net.sniffer.pcap, ['isakmp.exchangetype', 'isakmp.typepayload'], keys=a.keylog,
                   display_filter='isakmp.exchangetype == 32')
    # Inside: HASH 8, SA 1, NONCE 10, ID 5.
    payloads = {p for packet in quick for p in packet.get('isakmp.typepayload', [])}
    if not {'8', '1', '10', '5'} <= payloads:
        raise LabError(f'quick mode stays closed to tshark: payloads {sorted(payloads)}')
    echo = tshark(net.sniffer.pcap, ['ip.src', 'ip.dst', 'icmp.type'], keys=a.keylog, display_filter='esp && icmp.type')
    kinds = [(packet['ip.src'][-1], packet['icmp.type'][-1]) for packet in echo]
    if kinds.count(('10.1.0.2', '8')) != 5 or kinds.count(('10.2.0.2', '0')) != 5:
        raise LabError(f'ESP stays closed to tshark: {kinds}')

"""L2TP through IKEv1 in transport mode: xl2tpd behind the TAP of our port, and two clients behind one NAT, both with port 1701,
as most have it. Their kernels and pppd are Linux's, in guests."""

from concurrent.futures import ThreadPoolExecutor

from lab import Gateway, LabError
from lab.l2tp import L2tpClient, L2tpServer, clients_behind_one_nat
from lab.topology import Topology

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True
SECRET = {'ike-l2tp': {'secret': '"a secret of all that dial in"'}}
IKE = {'version': 1, 'proposals': 'aes256-sha256-modp2048'}
CHILD = {'mode': 'transport', 'esp_proposals': 'aes256-sha256', 'rekey_time': '3h', 'life_time': '4h'}


def conf_of_gateway():
    return {'connections': {'l2tp': {
        **IKE, 'local_addrs': '192.0.2.1', 'remote_addrs': '%any', 'unique': 'never', 'local': {'auth': 'psk', 'id': '192.0.2.1'},
        'remote': {'auth': 'psk', 'id': '%any'},
        'children': {'l2tp': {**CHILD, 'local_ts': 'dynamic[udp/1701]', 'remote_ts': 'dynamic[udp]'}}}}, 'secrets': SECRET}


def conf_of_client(address):
    return {'connections': {'l2tp': {
        **IKE, 'local_addrs': address, 'remote_addrs': '192.0.2.1', 'local': {'auth': 'psk', 'id': address},
        'remote': {'auth': 'psk', 'id': '192.0.2.1'},
        'children': {'l2tp': {**CHILD, 'local_ts': 'dynamic[udp/1701]', 'remote_ts': 'dynamic[udp/1701]'}}}}, 'secrets': SECRET}


def start_client(lab, number, place):
    ns, interfaces = place
    address = interfaces['wan'][0].split('/')[0]
    client = L2tpClient(lab, ns, f'l2tp-{number}', interfaces).start(conf_of_client(address))
    client.sh('ip route add default via 10.99.0.1')
    return client.serve('192.0.2.1')


def test_two_clients_behind_one_nat(lab):
    net = Topology(lab)
    gateway = Gateway(lab, net.a, 'culvert-a')
    gateway.tap('wan', 'host0')
    gateway.start(conf_of_gateway())
    places = clients_behind_one_nat(lab, net.outside)
    # Guests boot for seconds, one processor each.
    with ThreadPoolExecutor(3) as pool:
        server = pool.submit(L2tpServer(lab, net.a.ns, 'lns', {'host0': net.a.wan_addresses[:1]}).start)
        clients = list(pool.map(lambda one: start_client(lab, *one), enumerate(places)))
        server.result()
    addresses = []
    for client in clients:
        client.initiate('l2tp')
        addresses.append(client.call())
        client.ping()
    if len(set(addresses)) != len(clients):
        raise LabError(f'both clients are {addresses}')
    for size in (56, 1200):
        for client in clients:
            client.ping(size=size)
    # A rekeyed child is the same client to the server.
    first = gateway.installed('l2tp')
    for client in clients:
        client.rekey_child('l2tp')
    for client in clients:
        client.ping()
    if {c.unique_id for c in first} >= {c.unique_id for c in gateway.installed('l2tp')}:
        raise LabError('nothing was rekeyed')
    for client in clients:
        client.hang_up()
    gateway.ike.check()
    gateway.dataplane.check()
    gateway.expect_balance()

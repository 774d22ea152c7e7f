"""IKEv1 as Cisco's clients speak it, with vpnc: a group's key in aggressive mode, XAUTH, mode config with Unity's attributes, and
ESP in the client's user space, raw and in UDP."""

from lab import Gateway, LabError, wait_until
from lab.topology import Topology
from lab.vpnc import Vpnc

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True
GROUP, SECRET, USER, PASSWORD = 'staff', 'the secret of the group', 'carol', 'a-password'
PSK = 'i_dont_care_about_security_and_use_aggressive_mode_psk'


def conf():
    """Its hash is SHA-1, so the legacy profile; its group is a KEY_ID."""
    group = f'keyid:{GROUP}'
    child = {'local_ts': '10.1.0.0/24', 'esp_proposals': 'aes256-sha1', 'rekey_time': '3h', 'life_time': '4h'}
    connection = {'version': 1, 'aggressive': True, 'profile': 'legacy', 'local_addrs': '192.0.2.1', 'remote_addrs': '%any',
                  'proposals': 'aes256-sha1-modp2048', 'pools': 'clients', 'dpd_delay': '1s', 'dpd_timeout': '4s',
                  'local': {'auth': 'psk', 'id': '192.0.2.1'}, 'remote': {'auth': 'psk', 'id': group}, 'remote-2': {'auth': 'xauth'},
                  'children': {'net': child}}
    return {'connections': {'clients': connection},
            'secrets': {'ike-staff': {'id': group, 'secret': f'"{SECRET}"'},
                        'xauth-carol': {'id': USER, 'secret': f'"{PASSWORD}"'}},
            # One address: a client that comes again gets it only where it was given back.
            'pools': {'clients': {'addrs': '10.9.0.7-10.9.0.7', 'dns': '10.1.0.53'}}}


def expect_told(told):
    expected = {'INTERNAL_IP4_ADDRESS': '10.9.0.7', 'INTERNAL_IP4_DNS': '10.1.0.53', 'CISCO_SPLIT_INC': '1',
                'CISCO_SPLIT_INC_0_ADDR': '10.1.0.0', 'CISCO_SPLIT_INC_0_MASKLEN': '24'}
    wrong = {name: (told.get(name), value) for name, value in expected.items() if told.get(name) != value}
    if wrong:
        raise LabError(f'by mode config it was told (and should have been): {wrong}')


def used(net, client, told):
    expect_told(told)
    client.host.ping(net.alice)
    net.alice.ping(client.host, size=1000)
    client.host.iperf3(net.alice, 1)


def test_its_whole_life(lab):
    net = Topology(lab)
    gateway = Gateway(lab, net.a, 'culvert-a', control={PSK: True, 'cisco_unity': True})
    gateway.start(conf())
    client = Vpnc(lab, net.kernel(net.b), 'vpnc', '192.0.2.1')
    for mode in ('natt', 'force-natt', 'none'):
        used(net, client, client.start(GROUP, SECRET, USER, PASSWORD, NAT_Traversal_Mode=mode).up())
        if ('[4500]' in gateway.sas_text()) != (mode == 'force-natt'):
            raise LabError(f'{mode}: {gateway.sas_text()}')
        client.stop()
        wait_until(lambda: not gateway.sas(), 'the client has deleted its SAs', 10)
    for group, secret, user, password in ((GROUP, 'another', USER, PASSWORD), ('nobody', SECRET, USER, PASSWORD),
                                          (GROUP, SECRET, USER, 'another'), (GROUP, SECRET, 'nobody', PASSWORD)):
        client.start(group, secret, user, password).expect_refused()
    # Its power is cut: dead peer detection frees the address.
    client.start(GROUP, SECRET, USER, PASSWORD).up()
    client.kill()
    wait_until(lambda: not gateway.installed('net'), 'the SA of a dead client is gone', 40)
    used(net, client, client.start(GROUP, SECRET, USER, PASSWORD).up())
    gateway.ike.check()
    gateway.expect_balance()
    net.sniffer.expect_no_plaintext()

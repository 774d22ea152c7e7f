"""SAs that crypto devices (rte_cryptodev) or a port (rte_security, by the stand-in) run, with strongSwan as the peer, and SAs
that neither runs."""

from lab import Charon, Gateway, LabError, Tunnel, wait_until
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'offload'
TIMEOUT = 400
DEVICES = {'mb': {'device': 'crypto_aesni_mb0'}, 'ossl': {'device': 'crypto_openssl0'}}


def engines(gateway):
    """{(inbound, outbound)} of its Child SAs."""
    return {(child['engine_in'], child['engine_out']) for ike in gateway.ctl('sas')['ike_sas']
            for child in ike['child_sas'].values()}


def with_devices(lab, devices, **tunnel):
    net = Topology(lab)
    a = Gateway(lab, net.a, 'culvert-a', dataplane={'crypto_devices': devices})
    return Pair(net, a, Charon(lab, net.kernel(net.b), 'charon-b'), Tunnel(**tunnel))


def whole_life(pair):
    pair.start()
    pair.up()
    chosen = engines(pair.a)
    pair.use()
    pair.rekey_under_load()
    pair.down('b')
    pair.expect_order()
    return chosen


def whole_life_with_devices(lab, **tunnel):
    pair = with_devices(lab, DEVICES, **tunnel)
    if (chosen := whole_life(pair)) != {('lookaside', 'lookaside')}:
        raise LabError(f'engines: {chosen}')
    rows = {row['device']: row for row in pair.a.ctl('engines')['devices']}
    if rows['mb']['dequeued'] == 0 or rows['mb']['enqueued'] != rows['mb']['dequeued']:
        raise LabError(f'devices: {rows}')
    wait_until(lambda: all(r['sessions'] == 0 for r in pair.a.ctl('engines')['devices']), 'no session left', 20)


def test_a_device_runs_an_aead(lab):
    whole_life_with_devices(lab, esp='aes128gcm16', a_child={'hw_offload': 'crypto'})


def test_a_device_runs_a_cipher_with_a_mac(lab):
    whole_life_with_devices(lab, esp='aes256-sha256', encap=True)


def test_a_port_runs_it(lab):
    pair = with_devices(lab, {}, esp='aes256gcm16-noesn', a_child={'hw_offload': 'crypto'})
    pair.a.port_keys['wan'] = {'inline_ipsec': 'software'}
    if (chosen := whole_life(pair)) != {('inline-crypto', 'inline-crypto')}:
        raise LabError(f'engines: {chosen}')
    wait_until(lambda: pair.a.ctl('engines')['ports'][0]['sessions'] == 0, 'no session left', 20)
    if pair.a.ctl('engines')['inline_missed']:
        raise LabError(f'{pair.a.ctl("engines")}')


def with_whole(lab, b, dataplane=None, **tunnel):
    """Gateway a, which insists on a device that has whole SAs."""
    net = Topology(lab)
    a = Gateway(lab, net.a, 'culvert-a', dataplane=dataplane)
    b = Gateway(lab, net.b, 'culvert-b') if b == 'culvert' else Charon(lab, net.kernel(net.b), 'charon-b')
    return Pair(net, a, b, Tunnel(a_child={'hw_offload': 'packet'}, **tunnel))


def with_whole_port(lab, b=None, **tunnel):
    pair = with_whole(lab, b, **tunnel)
    pair.a.port_keys['wan'] = {'inline_ipsec': 'software'}
    return pair


def expect_whole(pair, engine, kind):
    """What is told of the only device of this kind, which has had the SAs of a whole life, and has none any more."""
    if (chosen := whole_life(pair)) != {(engine, engine)}:
        raise LabError(f'engines: {chosen}')
    said = pair.a.ctl('engines')
    if said['inline_missed'] or said['step_downs'] or said['refused']:
        raise LabError(f'{said}')
    wait_until(lambda: pair.a.ctl('engines')[kind][0]['sessions'] == 0, 'no session left', 20)
    return said[kind][0]


def expect_whole_port(pair):
    expect_whole(pair, 'inline-protocol', 'ports')


def test_a_port_has_the_whole_sa(lab):
    expect_whole_port(with_whole_port(lab, esp='aes256gcm16-noesn'))


def test_a_port_has_the_whole_sa_in_udp(lab):
    expect_whole_port(with_whole_port(lab, esp='aes128gcm16-noesn', encap=True))


def with_whole_device(lab, b=None, **tunnel):
    devices = {'gcm': {'device': 'crypto_aesni_gcm0', 'lookaside_ipsec': 'software'}}
    return with_whole(lab, b, {'crypto_devices': devices}, **tunnel)


def expect_whole_device(pair):
    device = expect_whole(pair, 'lookaside-protocol', 'devices')
    if device['dequeued'] == 0 or device['enqueued'] != device['dequeued']:
        raise LabError(f'{device}')


def test_a_crypto_device_has_the_whole_sa(lab):
    expect_whole_device(with_whole_device(lab, esp='aes256gcm16-noesn'))


def test_a_crypto_device_has_the_whole_sa_in_udp(lab):
    expect_whole_device(with_whole_device(lab, esp='aes128gcm16-noesn', encap=True))


def test_a_crypto_device_and_a_processor_speak_the_same(lab):
    expect_whole_device(with_whole_device(lab, 'culvert', esp='aes128gcm16-noesn'))


def test_a_port_and_a_processor_speak_the_same(lab):
    pair = with_whole_port(lab, 'culvert', esp='aes128gcm16-noesn')
    expect_whole_port(pair)
    if (sas := pair.b.ctl('engines')['sas'])['inline-protocol'] or sas['inline-crypto']:
        raise LabError(f'{pair.b.ctl("engines")}')


def test_what_no_device_runs_is_the_processors(lab):
    pair = with_devices(lab, {'gcm': {'device': 'crypto_aesni_gcm0'}}, esp='aes128-sha256').start()
    pair.up()
    if engines(pair.a) != {('cpu', 'cpu')}:
        raise LabError(f'engines: {engines(pair.a)}')
    if pair.a.ctl('engines')['step_downs'] != {'suite': 2}:
        raise LabError(f'{pair.a.ctl("engines")}')
    pair.use()
    pair.down()
    pair.expect_order()


def expect_no_child(pair):
    pair.start()
    try:
        pair.a.initiate('net')
        raise LabError('a child came up that no device runs')
    except LabError as error:
        if 'came up' in str(error):
            raise
    wait_until(lambda: not any(sa.children for sa in pair.b.sas()), 'no child at the peer', 20)
    pair.net.alice.expect_no_answer(pair.net.bob, 'what is protected went in clear')
    pair.expect_order()


def test_what_insists_on_a_device_fails_without(lab):
    expect_no_child(with_devices(lab, {'gcm': {'device': 'crypto_aesni_gcm0'}}, esp='aes128-sha256',
                                 a_child={'hw_offload': 'crypto'}))


def test_what_insists_on_a_port_fails_where_it_runs_no_such_suite(lab):
    pair = with_whole_port(lab, esp='aes128-sha256')
    expect_no_child(pair)
    said = pair.a.ctl('engines')
    if said['step_downs'].keys() != {'suite'} or not said['refused']:
        raise LabError(f'{said}')


def test_what_insists_on_a_port_fails_without(lab):
    pair = with_whole_port(lab, esp='aes128gcm16-noesn')
    pair.a.port_keys['wan'] = {}
    expect_no_child(pair)

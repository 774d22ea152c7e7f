"""IKE SAs and their children, with strongSwan: without one at first (RFC 6023), with one, with two."""

from lab import LabError, Tunnel
from lab.cases import Cases

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True


def case(lab, ours, theirs):
    lab.begin(Tunnel(esp='aes128gcm16-x25519', a_connection={'childless': ours}, b_connection={'childless': theirs}))
    return lab


def up(lab, initiator, apart):
    """`apart`: the child came in an exchange of its own, and so with a key exchange."""
    lab.up(initiator)
    for gateway in (lab.ours, lab.charon):
        child = gateway.installed('net')[0]
        if ('CURVE_25519' in child.text) != apart:
            raise LabError(f'{gateway.name}: {child.text}')
    lab.down(initiator)


def test_what_both_sides_want(lab):
    lab = Cases(lab)
    for ours, theirs, by_us, by_them in (('prefer', 'prefer', True, True), ('force', 'force', True, True),
                                         ('prefer', 'never', False, False), ('allow', 'prefer', False, True)):
        case(lab, ours, theirs)
        up(lab, 'a', by_us)
        up(lab, 'b', by_them)
    case(lab, 'force', 'never').refused()
    lab.expect_said('the peer does not take an IKE SA without a child', 'wants no child in IKE_AUTH')
    lab.end()


def with_other(lab, side):
    """Of what the child `net` is for, ICMP alone is left to it, and TCP goes to a child of its own."""
    conf = Tunnel().conf(side)
    children = conf['connections']['net']['children']
    local_ts, remote_ts = children['net']['local_ts'], children['net']['remote_ts']
    for child, protocol in (('other', 'tcp'), ('net', 'icmp')):
        children[child] = {**children['net'], 'local_ts': f'{local_ts}[{protocol}]', 'remote_ts': f'{remote_ts}[{protocol}]'}
    return conf


def test_two_children_of_one_sa(lab):
    lab = Cases(lab)
    lab.begin(Tunnel(), with_other(lab, 'a'), with_other(lab, 'b'))
    alice, bob = lab.net.alice, lab.net.bob
    lab.up('a')
    lab.charon.initiate('other')
    for gateway in (lab.ours, lab.charon):
        sas = gateway.sas()
        if len(sas) != 1 or sorted(c.name for c in sas[0].children) != ['net', 'other']:
            raise LabError(f'{gateway.name}: not two children of one SA: {sas}')
    alice.ping(bob)
    if alice.iperf3(bob, 1) <= 0:
        raise LabError('no TCP')
    for child in ('net', 'other'):
        lab.ours.rekey_child(child)
    alice.ping(bob)
    if alice.iperf3(bob, 1) <= 0:
        raise LabError('no TCP after the rekeys')
    lab.down()
    lab.end()

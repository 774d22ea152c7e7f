"""IKE SAs that come up without a child (RFC 6023), with strongSwan: its children follow, with key exchanges of their own."""

from lab import LabError, Tunnel
from lab.cases import Cases

SUITE = 'interop-ikev2'


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

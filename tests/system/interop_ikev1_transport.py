"""IKEv1 in transport mode, by ESP and by AH, with charon over a real Linux kernel."""

from interop_ikev2_transport import AH, ESP, life
from lab import ikev1_tunnel
from lab.ikev1 import Ikev1Pair

SUITE = 'interop-ikev1'
TWO_AT_ONCE = True
TIMEOUT = 300


def test_esp(lab):
    life(lab, ESP, esp='aes128gcm16', of=ikev1_tunnel, kind=Ikev1Pair)


def test_ah(lab):
    life(lab, AH, ah='sha256', of=ikev1_tunnel, kind=Ikev1Pair)

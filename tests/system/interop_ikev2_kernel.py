"""IKEv2 with charon over a real Linux kernel's ESP, under user-mode-linux."""

from lab import Gateway, LabError, Tunnel, UmlKernel
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TIMEOUT = 600
# Error counters of the kernel that have nothing to do with us: a packet for bob while no SA is up.
HARMLESS = {'XfrmOutNoStates', 'XfrmInTmplMismatch', 'XfrmAcquireError', 'XfrmInNoPols'}


def exchange(lab, esp, rekeys=0, load=False, **tunnel):
    net = Topology(lab)
    kernel = UmlKernel(lab, net.b.ns, 'kernel-b', net.kernel_interfaces(net.b))
    pair = Pair(net, Gateway(lab, net.a, 'culvert-a'), kernel, Tunnel(esp=esp, **tunnel)).start()
    for initiator in ('a', 'b'):
        pair.up(initiator)
        pair.use()
        if initiator == 'a' and rekeys:
            pair.rekey_many(rekeys)
        if initiator == 'a' and load:
            pair.rekey_under_load()
        pair.down(initiator)
    errors = {name: n for name, n in kernel.xfrm_errors().items() if name not in HARMLESS}
    if errors:
        raise LabError(f'the kernel counts errors: {errors}')
    pair.expect_order()


def test_gcm_without_esn(lab):
    exchange(lab, 'aes128gcm16-noesn', rekeys=20)


def test_gcm_with_esn(lab):
    exchange(lab, 'aes128gcm16-esn', rekeys=20, load=True)


def test_cbc_sha256_without_esn(lab):
    exchange(lab, 'aes128-sha256-noesn', rekeys=20)


def test_cbc_sha256_with_esn(lab):
    exchange(lab, 'aes128-sha256-esn', rekeys=20, load=True)


def test_udp_encapsulated(lab):
    exchange(lab, 'aes256gcm16', encap=True)

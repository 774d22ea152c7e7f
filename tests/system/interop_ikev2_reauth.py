"""Authenticating again, make before break, with strongSwan: by our reauth_time, by theirs, and because we ask (RFC 4478)."""

from interop_ikev2_strongswan import pair
from lab import LabError, wait_until
from lab.host import Probe

SUITE = 'interop-ikev2'

OFTEN = {'reauth_time': '6s', 'rand_time': '1s', 'over_time': '2s'}


# Packets of 10 ms: charon that has called deletes the old IKE SA at once, and loses what its queue still holds for it.
ABRUPT = 40


def reauthenticates(lab, initiator, side, may_lose=0):
    """The IKE SA is made anew, twice, under a probe that loses nothing. `side` has the short reauth_time."""
    tunnel = pair(lab, **{'connection': {'over_time': '2s', 'rand_time': '1s'}, f'{side}_connection': OFTEN})
    gateway = tunnel.ours[0]
    tunnel.up(initiator)
    drops = [gateway.drops()]
    losses = tunnel.losses_elsewhere()

    def peers():
        return {sa.unique_id for sa in gateway.sas() if sa.state == 'ESTABLISHED'}

    seen = peers()
    with Probe(tunnel.net.alice, tunnel.net.bob) as probe:
        wait_until(lambda: len(seen.update(peers()) or seen) >= 3, 'two reauthentications', 40)
        wait_until(lambda: len(peers()) == 1, 'one IKE SA in the end', 20)
    if probe.lost() > may_lose:
        tunnel.expect_no_loss(probe, losses)
    tunnel.expect_no_rekey_drops(drops)
    tunnel.expect_order()
    return gateway


def test_by_our_reauth_time(lab):
    gateway = reauthenticates(lab, 'a', 'a')
    if 'authenticated again' not in gateway.log_text():
        raise LabError('the log does not say so')


def test_by_their_reauth_time(lab):
    reauthenticates(lab, 'b', 'b', ABRUPT)


def test_charon_comes_because_we_ask(lab):
    reauthenticates(lab, 'b', 'a', ABRUPT)


def test_charon_calls_back_by_its_reauth_time(lab):
    # As the called side charon does not ask: it calls itself, and deletes the old one at once.
    reauthenticates(lab, 'a', 'b', ABRUPT)

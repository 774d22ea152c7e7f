"""What must fail: with the right notify or the line that is wrong, a log line that says why, and nothing left behind."""

from lab import Charon, Gateway, LabError, Tunnel, run
from lab.topology import Topology
from lab.traffic import Pair

SUITE = 'interop-ikev2'
TWO_AT_ONCE = True

# What to break, the notify that a peer shows in its log, what of ours a person must find in our log (any of).
CASES = {
    'psk': (dict(b_psk='another secret altogether'), 'AUTHENTICATION_FAILED', ('AUTHENTICATION_FAILED', 'pre-shared key')),
    'ike_proposal': (dict(b_connection={'proposals': 'aes256-sha512-modp4096'}), 'NO_PROPOSAL_CHOSEN',
                     ('NO_PROPOSAL_CHOSEN', 'proposal')),
    'child_proposal': (dict(b_child={'esp_proposals': 'aes256-sha512'}), 'NO_PROPOSAL_CHOSEN', ('NO_PROPOSAL_CHOSEN', 'proposal')),
    'selectors': (dict(b_child={'local_ts': '10.77.0.0/24'}), 'TS_UNACCEPTABLE', ('TS_UNACCEPTABLE', 'selector')),
}


def refuse(lab, case, initiator):
    broken, notify, words = CASES[case]
    net = Topology(lab)
    charon = Charon(lab, net.kernel(net.b), 'charon-b')
    ours = Gateway(lab, net.a, 'culvert-a')
    pair = Pair(net, ours, charon, Tunnel(**broken)).start()
    first = ours if initiator == 'a' else charon
    said = first.initiate('net', check=False)
    if pair.children() != ([], []):
        raise LabError('a child is up all the same')
    if notify not in charon.log_text().replace('AUTH_FAILED', 'AUTHENTICATION_FAILED').replace(
            'NO_PROP', 'NO_PROPOSAL_CHOSEN').replace('TS_UNACCEPT', 'TS_UNACCEPTABLE'):
        raise LabError(f'charon saw no {notify}')
    if not any(word.lower() in line.lower() for line in ours.log_text().splitlines() for word in words):
        raise LabError(f'our log does not say why: {ours.log_text()[-500:]}')
    if initiator == 'a' and not any(word.lower() in said.lower() for word in words):
        raise LabError(f'initiate does not say why: {said}')
    # A refused child leaves the IKE SA up (RFC 7296 1.2); take it down like an operator would.
    for sa in charon.sas():
        charon.terminate(sa.name)
    pair.expect_nothing_left()
    net.alice.expect_no_answer(net.bob, 'protected packets pass without an SA')
    pair.expect_order()


def test_wrong_psk_we_initiate(lab):
    refuse(lab, 'psk', 'a')


def test_wrong_psk_they_initiate(lab):
    refuse(lab, 'psk', 'b')


def test_no_common_ike_proposal_we_initiate(lab):
    refuse(lab, 'ike_proposal', 'a')


def test_no_common_ike_proposal_they_initiate(lab):
    refuse(lab, 'ike_proposal', 'b')


def test_no_common_child_proposal_we_initiate(lab):
    refuse(lab, 'child_proposal', 'a')


def test_no_common_child_proposal_they_initiate(lab):
    refuse(lab, 'child_proposal', 'b')


def test_selectors_that_do_not_meet_we_initiate(lab):
    refuse(lab, 'selectors', 'a')


def test_selectors_that_do_not_meet_they_initiate(lab):
    refuse(lab, 'selectors', 'b')


def test_identities_are_checked_where_they_are_written(lab):
    conf = lab.work / 'culvert.conf'
    conf.touch(mode=0o600)
    for identity, status in (('192.0.2.0/24', 0), ('*.example.org', 0), ('ipv4:gw', 78)):
        conf.write_text('control { connections { x { children { c { } }\n local { auth = psk\n id = gw }\n'
                        f' remote {{ auth = psk\n id = {identity}\n }} }} }}\n secrets {{ ike {{ secret = 0123456789abcdef }} }} }}\n')
        done = run(lab.programs / 'culvert-ike', '--config', lab.work, '--check', check=False)
        line = f'culvert.conf:5: connections.x.remote.id: "{identity}" is no identity'
        if done.returncode != status or (status and line not in done.stdout):
            raise LabError(f'--check of {identity}: {done.returncode}: {done.stdout}')

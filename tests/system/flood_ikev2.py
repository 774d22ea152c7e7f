"""Peers come up, and stay up, while strangers flood the IKE process (hostile.md D01 to D04, D07).

culvert-bench measures; what is asserted here are the bounds, at a rate any machine can send."""

import json

from lab import LabError, run

SUITE = 'flood-ikev2'


def flood(lab, kind, *words):
    done = run(lab.programs / 'culvert-bench', 'ike-flood', '--json', '--kind', kind, '--peers', '200', '--rate', '10000', *words,
               check=False, timeout=170)
    if done.returncode != 0:
        raise LabError(f'exit status {done.returncode}: {done.stdout[-1500:]}')
    told = json.loads(done.stdout[done.stdout.index('{'):])
    lab.note(f'{kind}: {json.dumps(told)}')
    if told['flood_sent'] < 10000:
        raise LabError(f'no flood: {told["flood_sent"]} datagrams')
    for key, least in (('up_within_10_s', 0.95),):
        if told['flooded'][key] < least:
            raise LabError(f'{key} is {told["flooded"][key]}, not {least} at least')
    if told['established_before_and_kept'] != 200:
        raise LabError(f'{told["established_before_and_kept"]} of 200 tunnels live through the flood')
    if told['responder_grew_octets'] > 64 << 20:
        raise LabError(f'the process grew by {told["responder_grew_octets"]} octets')
    if told['cookie_amplification'] > 1 or told['init_amplification'] > 3:
        raise LabError(f'amplifies: {told["cookie_amplification"]}, {told["init_amplification"]}')
    return told


def test_spoofed_requests(lab):
    if not flood(lab, 'spoofed')['cookies_asked']:
        raise LabError('nobody was asked for a cookie')


def test_half_open_from_real_addresses(lab):
    told = flood(lab, 'cookies')
    # 16 of each address at a time, renewed as they age.
    if not told['half_open']:
        raise LabError('cookies were given back in vain')


def test_junk_for_half_open_sas(lab):
    flood(lab, 'junk-auth')

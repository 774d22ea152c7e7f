"""culvert-bench ike does what its name says: figures are looked at for sense only, never for size."""

import json

from lab import LabError, run

SUITE = 'bench'


def measure(lab, *words):
    done = run(lab.programs / 'culvert-bench', 'ike', '--json', *words, check=False)
    if done.returncode != 0:
        raise LabError(f'exit status {done.returncode}: {done.stdout[-500:]}')
    return json.loads(done.stdout[done.stdout.index('['):])


def expect_sense(row, responder, handshakes):
    if row['responder'] != responder or row['handshakes'] != handshakes or row['failed'] != 0:
        raise LabError(f'unexpected: {row}')
    if row['established_at_end'] < handshakes:
        raise LabError(f'{row["established_at_end"]} of {handshakes} IKE SAs are up at the end')
    for key in ('handshakes_per_s', 'p50_ms', 'p99_ms', 'responder_cpu_us_per_handshake', 'initiator_cpu_us_per_handshake',
                'rekeys_per_s'):
        if not row[key] > 0:
            raise LabError(f'{key} is {row[key]}')


def test_handshakes_with_ourselves(lab):
    for exchange in ('x25519', 'ecp256', 'modp2048'):
        row, = measure(lab, '--handshakes', '100', '--rekeys', '50', '--ke', exchange)
        expect_sense(row, 'culvert-ike', 100)


def test_handshakes_with_certificates(lab):
    for auth in ('ecdsa-p256', 'rsa-2048'):
        row, = measure(lab, '--handshakes', '100', '--rekeys', '20', '--auth', auth)
        expect_sense(row, 'culvert-ike', 100)
        if row['auth'] != auth:
            raise LabError(f'unexpected: {row}')


def test_handshakes_with_ml_kem(lab):
    row, = measure(lab, '--handshakes', '100', '--rekeys', '20', '--ke', 'x25519-mlkem768')
    expect_sense(row, 'culvert-ike', 100)


def test_handshakes_with_certificates_beside_charon(lab):
    for auth in ('ecdsa-p256', 'rsa-2048'):
        ours, theirs = measure(lab, '--handshakes', '50', '--rekeys', '20', '--auth', auth, '--compare', 'charon')
        expect_sense(ours, 'culvert-ike', 50)
        expect_sense(theirs, 'charon', 50)


def test_handshakes_beside_charon(lab):
    ours, theirs = measure(lab, '--handshakes', '100', '--rekeys', '50', '--hold', '1', '--compare', 'charon')
    expect_sense(ours, 'culvert-ike', 100)
    expect_sense(theirs, 'charon', 100)

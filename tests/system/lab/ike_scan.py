"""ike-scan: sends the first message of a main or aggressive mode and says what comes back."""

import re
from dataclasses import dataclass, field

# Transform attributes by number (RFC 2409 appendix A), as --trans takes them: AES-CBC-128, SHA-256, pre-shared key, MODP-2048.
AES128_SHA256_PSK_MODP2048 = '(1=7,14=128,2=4,3=1,4=14)'


@dataclass
class Answer:
    """kind: 'main', 'aggressive' or 'notify'; what: the fields of a handshake by payload name, or the notify's number."""

    kind: str
    what: dict = field(default_factory=dict)
    vendor_ids: list = field(default_factory=list)
    text: str = ''


def ike_scan(ns, target, *words, transform=AES128_SHA256_PSK_MODP2048, aggressive_id=None, tries=2):
    """What `target` answers to one probe from `ns`: an Answer, or None for silence."""
    aggressive = ['--aggressive', f'--id={aggressive_id}', '--dhgroup=14'] if aggressive_id else []
    done = ns.run('ike-scan', '--multiline', f'--retry={tries}', '--timeout=400', '--nodns', f'--trans={transform}', *aggressive,
                  *words, target)
    match = re.search(rf'^{re.escape(target)}\s+(Main Mode Handshake|Aggressive Mode Handshake|Notify message (\d+))', done.stdout,
                      re.MULTILINE)
    if not match:
        return None
    if match[2]:
        return Answer('notify', {'number': int(match[2])}, text=done.stdout)
    fields = dict(re.findall(r'^\s+(\w+)=\((.*?)\)', done.stdout, re.MULTILINE))
    return Answer(match[1].split()[0].lower(), fields, re.findall(r'^\s+VID=(\w+)', done.stdout, re.MULTILINE), done.stdout)

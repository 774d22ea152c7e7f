"""swanctl.conf as Python values, the swanctl command, and what --list-sas prints."""

import re
from dataclasses import dataclass, field

from .process import LabError, run


def render(settings, depth=0):
    """Nested dicts as sections in strongSwan's syntax; a list becomes comma separated values, a bool yes or no."""
    pad = '  ' * depth
    text = ''
    for key, value in settings.items():
        if isinstance(value, dict):
            text += f'{pad}{key} {{\n{render(value, depth + 1)}{pad}}}\n'
        elif value is not None:
            if isinstance(value, bool):
                value = 'yes' if value else 'no'
            elif isinstance(value, (list, tuple)):
                value = ', '.join(str(v) for v in value)
            text += f'{pad}{key} = {value}\n'
    return text


@dataclass
class Tunnel:
    """A connection between two gateways, told once; conf('a') and conf('b') are what each of them has to say about it."""

    name: str = 'net'
    a: str = '192.0.2.1'
    b: str = '192.0.2.2'
    a_ts: str = '10.1.0.0/24'
    b_ts: str = '10.2.0.0/24'
    ike: str = 'aes128gcm16-prfsha256-x25519'
    esp: str = 'aes128gcm16'
    psk: str = 'a secret for the lab, 0123456789'
    encap: bool = False
    connection: dict = field(default_factory=dict)      # more keys of the connection, both sides
    child: dict = field(default_factory=dict)           # more keys of the child, both sides
    a_connection: dict = field(default_factory=dict)    # ... and of one side only; these win
    b_connection: dict = field(default_factory=dict)
    a_child: dict = field(default_factory=dict)
    b_child: dict = field(default_factory=dict)
    b_psk: str | None = None                            # where it differs

    def conf(self, side):
        mine, theirs = (self.a, self.b) if side == 'a' else (self.b, self.a)
        local_ts, remote_ts = (self.a_ts, self.b_ts) if side == 'a' else (self.b_ts, self.a_ts)
        other = 'b' if side == 'a' else 'a'
        # Lifetimes out of the way: a rekey happens when a test asks for it.
        child = {'local_ts': local_ts, 'remote_ts': remote_ts, 'esp_proposals': self.esp, 'mode': 'tunnel',
                 'rekey_time': '3h', 'life_time': '4h', **self.child, **getattr(self, f'{side}_child')}
        connection = {'version': 2, 'local_addrs': mine, 'remote_addrs': theirs, 'proposals': self.ike,
                      'encap': self.encap, 'mobike': False, 'rekey_time': '4h',
                      'local': {'auth': 'psk', 'id': f'{side}.lab'}, 'remote': {'auth': 'psk', 'id': f'{other}.lab'},
                      **self.connection, **getattr(self, f'{side}_connection'), 'children': {self.name: child}}
        psk = self.b_psk if side == 'b' and self.b_psk else self.psk
        return {'connections': {self.name: connection},
                'secrets': {f'ike-{self.name}': {'id-a': 'a.lab', 'id-b': 'b.lab', 'secret': f'"{psk}"'}}}


def ikev1_tunnel(ike='aes256-sha256-modp2048', esp='aes256gcm16', connection=None, **more):
    """A Tunnel of IKEv1, by suites that it has."""
    return Tunnel(ike=ike, esp=esp, connection={'version': 1, **(connection or {})}, **more)


@dataclass
class ChildSa:
    name: str
    unique_id: int
    state: str
    text: str
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass
class IkeSa:
    name: str
    unique_id: int
    state: str
    children: list


def parse_sas(text):
    """What `swanctl --list-sas` printed, as a list of IkeSa."""
    sas = []
    for line in text.splitlines():
        ike = re.match(r'(\S+): #(\d+), (\w+),', line)
        child = re.match(r'  (\S+): #(\d+), (?:reqid \d+, )?(\w+),', line)
        if ike:
            sas.append(IkeSa(ike[1], int(ike[2]), ike[3], []))
        elif child and sas:
            sas[-1].children.append(ChildSa(child[1], int(child[2]), child[3], line.strip()))
        elif sas and sas[-1].children:
            count = re.match(r'    (in|out) .*?(\d+) bytes', line)
            if count:
                setattr(sas[-1].children[-1], f'bytes_{count[1]}', int(count[2]))
    return sas


class Vici:
    """An IKE daemon that swanctl can talk to. _swanctl(words, timeout) says where it runs; it returns (status, output)."""

    name = '?'

    def swanctl(self, *words, timeout=30, check=True):
        status, output = self._swanctl([str(w) for w in words], timeout)
        if check and status:
            raise LabError(f'{self.name}: swanctl {" ".join(str(w) for w in words)}: {status}\n{output[-3000:]}')
        return output

    def initiate(self, child, timeout=20, check=True):
        """Brings the child up; check=False returns what the daemon said, whatever came of it."""
        return self.swanctl('--initiate', '--child', child, '--timeout', timeout, timeout=timeout + 10, check=check)

    def terminate(self, ike, timeout=20):
        return self.swanctl('--terminate', '--ike', ike, '--timeout', timeout, timeout=timeout + 10)

    def terminate_child(self, child, timeout=20):
        return self.swanctl('--terminate', '--child', child, '--timeout', timeout, timeout=timeout + 10)

    def rekey_child(self, child):
        return self.swanctl('--rekey', '--child', child)

    def rekey_ike(self, ike):
        return self.swanctl('--rekey', '--ike', ike)

    def rekey_newest(self, kind, unique_id):
        """One of several SAs of that name; kind is ike or child."""
        return self.swanctl('--rekey', f'--{kind}-id', unique_id)

    def sas_text(self):
        return self.swanctl('--list-sas')

    def sas(self):
        return parse_sas(self.sas_text())

    def installed(self, child):
        """The installed child SAs of that name, over all established IKE SAs."""
        return [c for sa in self.sas() if sa.state in ('ESTABLISHED', 'REKEYING') for c in sa.children
                if c.name == child and c.state in ('INSTALLED', 'REKEYING')]


def swanctl_command(uri, folder, words):
    return ['swanctl', words[0], '--uri', uri, *words[1:]], {'SWANCTL_DIR': str(folder)}


def run_swanctl(uri, folder, words, timeout, env):
    command, more = swanctl_command(uri, folder, words)
    done = run(*command, timeout=timeout, check=False, env={**more, **env})
    return done.returncode, done.stdout

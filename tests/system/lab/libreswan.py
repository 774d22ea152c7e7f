"""libreswan's pluto over a real Linux kernel's ESP, inside user-mode-linux: a second, independent implementation of IKEv1.

Its package conflicts with strongSwan's, so it lies in a folder of its own (tools/lib/libreswan.sh) and is told every path.
"""

import os
import re
from pathlib import Path

from .process import Skip, run
from .swanctl import ChildSa, IkeSa
from .uml import UmlGuest

_PASSWORD = 'lab'                              # of the container in which a key gets into its database


def conn(settings):
    """The options of a connection as ipsec.conf has them."""
    return ''.join(f'\t{key}={value}\n' for key, value in settings.items() if value is not None)


def conf_of(tunnel, side):
    """A Tunnel as (options of the connection, lines of ipsec.secrets), IKEv1 in main mode with a pre-shared key."""
    mine, theirs = (tunnel.a, tunnel.b) if side == 'a' else (tunnel.b, tunnel.a)
    local_ts, remote_ts = (tunnel.a_ts, tunnel.b_ts) if side == 'a' else (tunnel.b_ts, tunnel.a_ts)
    other = 'b' if side == 'a' else 'a'
    pfs = 'modp' in tunnel.esp or 'ecp' in tunnel.esp
    options = {'left': mine, 'right': theirs, 'leftid': f'@{side}.lab', 'rightid': f'@{other}.lab', 'leftsubnet': local_ts,
               'rightsubnet': remote_ts, 'authby': 'secret', 'ike': tunnel.ike, 'esp': tunnel.esp, 'pfs': 'yes' if pfs else 'no'}
    return options, f'@a.lab @b.lab : PSK "{tunnel.psk}"\n'


class Libreswan(UmlGuest):
    """One connection, IKEv1, as Pair takes a gateway."""

    def __init__(self, lab, ns, name, interfaces):
        self._root = Path(os.environ.get('CULVERT_CACHE', '/var/cache/culvert'), 'peers', 'libreswan')
        if not (self._root / '.complete').exists():
            raise Skip('libreswan is not here: ' + (os.environ.get('CULVERT_LIBRESWAN_MISSING') or 'tools/test fetches it'))
        super().__init__(lab, ns, name, interfaces)
        self._programs = self._root / 'usr' / 'libexec' / 'ipsec'

    def start(self, options, secrets='', holder=None, authorities=()):
        """holder: its certificate, a pki.Holder, known as `own` (leftcert=own); authorities: whom it trusts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_database(holder, authorities)
        (self.folder / 'ipsec.secrets').write_text(secrets)
        (self.folder / 'ipsec.secrets').chmod(0o600)
        self.boot()
        self.lab.keep_log(self.folder / 'pluto.log', f'{self.name}.log')
        self._write(options)
        folder = self.folder
        # pluto looks for its helper there; the guest's root is read-only.
        self.sh(f'mount -t tmpfs tmp /usr/libexec && ln -s {self._programs} /usr/libexec/ipsec\n'
                'mkdir -p /run/pluto\n'
                f'{self._programs}/pluto --nofork --no-dnssec --config {folder}/ipsec.conf --secretsfile {folder}/ipsec.secrets '
                f'--nssdir sql:{folder}/nss --ipsecdir {folder} --rundir /run/pluto --logfile {folder}/pluto.log '
                f'> {folder}/pluto.stdout 2>&1 &\n'
                'for i in $(seq 200); do [ -S /run/pluto/pluto.ctl ] && break; sleep 0.05; done\n'
                f'{self._whack()} --listen')
        self._add()
        return self

    def load(self, options):
        """Another configuration of the connection; what is up by the old one goes."""
        self._write(options)
        self.sh(f'{self._whack()} --name net --delete')
        self._add()

    def _make_database(self, holder, authorities):
        nss = f'sql:{self.folder}/nss'
        (self.folder / 'nss').mkdir(exist_ok=True)
        run('certutil', '-N', '-d', nss, '--empty-password')
        if holder:
            for name, octets in (('own.pem', holder.pem()), ('own.key', holder.key_pem())):
                (self.folder / name).write_bytes(octets)
            container = self.folder / 'own.p12'
            run('openssl', 'pkcs12', '-export', '-name', 'own', '-in', self.folder / 'own.pem', '-inkey', self.folder / 'own.key',
                '-out', container, '-passout', f'pass:{_PASSWORD}')
            run('pk12util', '-i', container, '-d', nss, '-W', _PASSWORD)
        for authority in authorities:
            pem = self.folder / f'{authority.common_name}.pem'
            pem.write_bytes(authority.pem())
            run('certutil', '-A', '-d', nss, '-n', authority.common_name, '-t', 'CT,,', '-i', pem)

    def _write(self, options):
        # No up and down scripts: the guest's routes are the lab's.
        common = {'keyexchange': 'ikev1', 'type': 'tunnel', 'leftupdown': '%disabled', 'ikelifetime': '4h', 'salifetime': '4h',
                  'auto': 'ignore'}
        (self.folder / 'ipsec.conf').write_text(
            'config setup\n\tikev1-policy=accept\n\tuniqueids=no\n\nconn net\n' + conn({**common, **options}))

    def _whack(self):
        return f'{self._programs}/whack --rundir /run/pluto'

    def _add(self):
        self.sh(f'{self._programs}/addconn --verbose --config {self.folder}/ipsec.conf --ctlsocket /run/pluto/pluto.ctl net')

    # ---- what Pair asks ----

    def initiate(self, name, timeout=20, check=True):
        return self.sh(f'timeout {timeout} {self._whack()} --name {name} --initiate', timeout + 10, check)[1]

    def terminate(self, name):
        return self.sh(f'{self._whack()} --name {name} --terminate', check=False)[1]

    def rekey_child(self, name):
        """IKEv1 has no rekeying of its own: another quick mode. (pluto 5.2 ends itself where it is asked for a rekey by name.)"""
        return self.initiate(name)

    def rekey_newest(self, _kind, _number):
        return self.rekey_child('net')

    def sas_text(self):
        return self.sh(f'{self._whack()} --showstates; {self._whack()} --trafficstatus', check=False)[1]

    def sas(self):
        """IKE SAs with their children; what outlives its IKE SA is in an IKE SA without a number, as it still counts."""
        found = {}
        for number, name, state, rest in re.findall(r'^#(\d+): "(\w+)":\d+ (STATE_\w+)(.*)$', self.sas_text(), re.MULTILINE):
            if 'QUICK' not in state:
                found[number] = IkeSa(name, int(number), 'ESTABLISHED' if 'ISAKMP SA established' in rest else 'CONNECTING', [])
                continue
            of = re.search(r'ISAKMP SA #(\d+)', rest)
            parent = found.setdefault(of[1] if of else '0', IkeSa(name, int(of[1]) if of else 0, 'ESTABLISHED', []))
            parent.children.append(ChildSa(name, int(number), 'INSTALLED' if 'IPsec SA established' in rest else 'CREATED', rest))
        return list(found.values())

    def installed(self, name):
        return [c for sa in self.sas() for c in sa.children if c.name == name]

    def policy_losses(self):
        """Packets for which its kernel had no policy or another SA's: pluto takes the policies of a child away for a moment where
        another takes its place."""
        self.lab.note(f'{self.name}: {self.xfrm_errors()}')
        return sum(n for name, n in self.xfrm_errors().items() if 'Pol' in name or 'Tmpl' in name)

    def log_text(self):
        log = self.folder / 'pluto.log'
        return log.read_text(errors='replace') if log.exists() else ''

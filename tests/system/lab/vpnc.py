"""vpnc, a client of Cisco's dialect of IKEv1: group key in aggressive mode (or hybrid), XAUTH, mode config, ESP in user space."""

import re

from .host import Host
from .process import Daemon, LabError, wait_until

# Instead of the package's, which would write the machine's resolver: the interface, its address, the networks it is for.
_SCRIPT = '''#!/bin/sh
[ "$reason" = connect ] || exit 0
sysctl -qw "net.ipv6.conf.$TUNDEV.disable_ipv6=1"
ip link set "$TUNDEV" up mtu "${{INTERNAL_IP4_MTU:-1390}}"
ip address add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
n=0
while [ "$n" -lt "${{CISCO_SPLIT_INC:-0}}" ]; do
  eval ip route replace "\\$CISCO_SPLIT_INC_${{n}}_ADDR/\\$CISCO_SPLIT_INC_${{n}}_MASKLEN" dev "$TUNDEV"
  n=$((n + 1))
done
[ "$n" -gt 0 ] || ip route replace {network} dev "$TUNDEV"
env | grep -E '^(TUNDEV|INTERNAL|CISCO)' | sort > "{folder}/told.new" && mv "{folder}/told.new" "{folder}/told"
'''


class Vpnc:
    """A client in a namespace with addresses and routes of its own. network: what lies behind the gateway."""

    def __init__(self, lab, ns, name, gateway, network='10.1.0.0/24'):
        self.lab, self.ns, self.name, self._gateway, self._network = lab, ns, name, gateway, network
        self.folder = lab.work / name
        self.host = None                      # the client as a station with the address it was given, once up
        self._daemon = None
        lab.on_close(self.stop)

    def start(self, group, secret, user, password, **more):
        """Connects; `more` are further lines of its configuration, by their names with _ for a blank."""
        self.folder.mkdir(parents=True, exist_ok=True)
        script = self.folder / 'script'
        script.write_text(_SCRIPT.format(folder=self.folder, network=self._network))
        script.chmod(0o755)
        (self.folder / 'told').unlink(missing_ok=True)
        settings = {'IPSec gateway': self._gateway, 'IPSec ID': group, 'IPSec secret': secret, 'Xauth username': user,
                    'Xauth password': password, 'IKE DH Group': 'dh14', 'Perfect Forward Secrecy': 'nopfs', 'Local Port': 500,
                    'NAT Traversal Mode': 'natt', 'Interface name': 'vpnc0', 'Script': script,
                    'Pidfile': self.folder / 'pid', 'Debug': 2, **{key.replace('_', ' '): value for key, value in more.items()}}
        conf = self.folder / 'vpnc.conf'
        conf.write_text(''.join(f'{key} {value}\n' for key, value in settings.items()) + 'No Detach\n')
        self._daemon = Daemon(self.name, ['/usr/sbin/vpnc', conf], self.lab.log(f'{self.name}.log'), netns=self.ns)
        self._daemon.start()
        return self

    def up(self, timeout=20):
        """Waits until it is connected; what it was told by mode config, as {variable of its script: value}."""
        connected = self.folder / 'told'
        wait_until(lambda: connected.exists() or self._daemon.check(), f'{self.name} is connected', timeout)
        told = dict(line.split('=', 1) for line in connected.read_text().splitlines())
        self.host = Host(self.lab, self.ns, told['INTERNAL_IP4_ADDRESS'])
        return told

    def expect_refused(self, timeout=20):
        """It ends by itself, without ever having been connected; what it said."""
        if self._daemon.wait(timeout) is None or (self.folder / 'told').exists():
            raise LabError(f'{self.name} was not refused')
        return self.log_text()

    def log_text(self):
        return re.sub(r'\n\s*\n', '\n', self.lab.log(f'{self.name}.log').read_text(errors='replace'))

    def stop(self):
        """It deletes its SAs and leaves."""
        if self._daemon:
            self._daemon.stop(5)

    def kill(self):
        self._daemon.kill()

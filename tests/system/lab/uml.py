"""A gateway with a real Linux kernel's ESP: an IKE daemon, here charon with kernel-netlink, inside a user-mode-linux guest."""

import shlex
import shutil
from pathlib import Path

from .charon import write_settings
from .process import Daemon, LabError, wait_until
from .swanctl import Vici, render, swanctl_command

INIT = Path(__file__).with_name('uml_init.sh')


class UmlGuest:
    """The guest drives the veths of its namespace through raw sockets: the namespace's own stack must have no addresses.

    interfaces: {veth name: [addresses with prefix length]}; the guest calls them vec0, vec1, ... in that order.
    """

    def __init__(self, lab, ns, name, interfaces):
        self.lab, self.ns, self.name = lab, ns, name
        self.interfaces = interfaces
        self.folder = lab.work / name
        self._sequence = 0
        self.daemon = None
        lab.on_close(self.stop)

    def boot(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        init = self.folder / 'init'            # a path without spaces, wherever the checkout is
        shutil.copyfile(INIT, init)
        init.chmod(0o755)
        wires, setup = [], ''
        for index, (interface, addresses) in enumerate(self.interfaces.items()):
            self.ns.ip('link', 'set', interface, 'promisc', 'on')
            wires.append(f'vec{index}:transport=raw,ifname={interface},depth=128')
            mac = self.ns.run('cat', f'/sys/class/net/{interface}/address').stdout.strip()
            setup += f'ip link set vec{index} address {mac}\nip link set vec{index} up\n'
            for address in addresses:
                setup += f'ip addr add {address} dev vec{index}{" nodad" if ":" in address else ""}\n'
        self.daemon = Daemon(
            self.name, ['linux.uml', 'mem=256M', f'umid={self.name}', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro',
                        'quiet', 'loglevel=4', 'con=null', 'con0=null,fd:1', *wires, f'FOLDER={self.folder}', f'init={init}'],
            self.lab.log(f'{self.name}.console'), netns=self.ns, env={'TMPDIR': '/dev/shm', 'HOME': str(self.folder)})
        self.daemon.start()
        wait_until(lambda: (self.folder / 'ready').exists() or self.daemon.check(), f'{self.name}: the guest is up', 40)
        self.sh(setup)

    def sh(self, script, timeout=30, check=True):
        """Runs a shell script in the guest: (status, output)."""
        self._sequence += 1
        stem = self.folder / str(self._sequence)
        stem.with_suffix('.new').write_text(script + '\n')
        stem.with_suffix('.new').rename(stem.with_suffix('.sh'))
        wait_until(lambda: stem.with_suffix('.rc').exists() or self.daemon.check(), f'{self.name}: {script[:60]}', timeout)
        status = int(stem.with_suffix('.rc').read_text() or 99)
        output = stem.with_suffix('.out').read_text(errors='replace')
        if check and status:
            raise LabError(f'{self.name}: exit status {status}: {script[:200]}\n{output[-2000:]}')
        return status, output

    def xfrm_errors(self):
        """The kernel's ESP error counters that are not zero."""
        rows = (line.split() for line in self.sh('cat /proc/net/xfrm_stat')[1].splitlines())
        return {name: int(value) for name, value in rows if int(value)}

    def stop(self):
        if self.daemon and self.daemon.running():
            (self.folder / 'off').touch()
            if self.daemon.wait(3) is None:
                self.daemon.kill()

    def kill(self):
        self.daemon.kill()


class UmlKernel(UmlGuest, Vici):
    """charon in such a guest."""

    def __init__(self, lab, ns, name, interfaces, settings=None):
        super().__init__(lab, ns, name, interfaces)
        self._settings = settings
        self._env = {'STRONGSWAN_CONF': str(self.folder / 'strongswan.conf')}

    def start(self, conf):
        self.boot()
        write_settings(self.folder, '/run/vici.sock', 'kernel-netlink', settings=self._settings)
        self.lab.keep_log(self.folder / 'charon.log', f'{self.name}.log')
        (self.folder / 'swanctl' / 'swanctl.conf').write_text(render(conf))
        self.sh(f'export STRONGSWAN_CONF={self._env["STRONGSWAN_CONF"]}\n'
                f'/usr/sbin/charon-systemd > {self.folder}/charon.stdout 2>&1 &\n'
                'for i in $(seq 200); do [ -S /run/vici.sock ] && exit 0; sleep 0.05; done; exit 1')
        self.swanctl('--load-all')
        return self

    def load(self, conf):
        (self.folder / 'swanctl' / 'swanctl.conf').write_text(render(conf))
        self.swanctl('--load-all')

    def log_text(self):
        log = self.folder / 'charon.log'
        return log.read_text(errors='replace') if log.exists() else ''

    def _swanctl(self, words, timeout):
        command, env = swanctl_command('unix:///run/vici.sock', self.folder / 'swanctl', words)
        settings = ' '.join(f'{k}={shlex.quote(v)}' for k, v in {**self._env, **env}.items())
        return self.sh(f'{settings} {shlex.join(command)}', timeout, check=False)

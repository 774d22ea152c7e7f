"""strongSwan's charon in user space: IKE and, by kernel-libipsec, ESP over a TUN device."""

from pathlib import Path

from .process import Daemon, wait_until
from .swanctl import Vici, render, run_swanctl

PLUGINS = ('random nonce openssl aes sha1 sha2 hmac kdf gcm ccm chapoly curve25519 mgf1 pem pkcs1 pkcs8 x509 revocation '
            'constraints pubkey {kernel} socket-default vici updown attr counters')
_FOLDERS = ('x509', 'x509ca', 'x509crl', 'x509aa', 'x509ac', 'x509ocsp', 'private', 'rsa', 'ecdsa', 'pkcs8', 'pkcs12', 'pubkey',
            'bliss', 'conf.d')


def write_settings(folder, vici_socket, kernel, raw_esp=True, settings=None, log_level=1):
    """strongswan.conf and an empty swanctl folder; several charons live beside each other with one such folder each."""
    for name in _FOLDERS:
        (folder / 'swanctl' / name).mkdir(parents=True, exist_ok=True)
    log = {'path': folder / 'charon.log', 'append': 'yes', 'flush_line': 'yes', 'time_format': '%T', 'default': log_level}
    charon = {
        'load': PLUGINS.format(kernel=kernel), 'install_virtual_ip': 'no', 'retransmit_tries': 5, 'retransmit_timeout': 1.0,
        # The lab opens many half-open SAs from one address on purpose.
        'dos_protection': 'no', **(settings or {}),
        'plugins': {'vici': {'socket': f'unix://{vici_socket}'}, 'kernel-libipsec': {'raw_esp': raw_esp}},
        'filelog': {'log': log}, 'journal': {'default': -1}}
    (folder / 'strongswan.conf').write_text(render({
        'charon-systemd': charon, 'swanctl': {'load': 'random pem pkcs1 pkcs8 x509 openssl'}}))


class Charon(Vici):
    """One instance in a namespace. raw_esp: ESP without UDP where the connection has no encap and there is no NAT."""

    ESP_PACKET_LIMIT = 1400       # of its TUN device

    def __init__(self, lab, ns, name, raw_esp=True, settings=None):
        self.lab, self.ns, self.name, self._raw_esp, self._settings = lab, ns, name, raw_esp, settings
        self.folder = lab.work / name
        self._socket = self.folder / 'vici.sock'
        self._env = {'STRONGSWAN_CONF': str(self.folder / 'strongswan.conf')}
        self.daemon = Daemon(name, ['/usr/sbin/charon-systemd'], lab.log(f'{name}.stdout'), netns=ns, env=self._env)
        lab.on_close(self.stop)

    def start(self, conf):
        write_settings(self.folder, self._socket, 'kernel-libipsec kernel-netlink', self._raw_esp, self._settings)
        self.lab.keep_log(self.folder / 'charon.log', f'{self.name}.log')
        self._socket.unlink(missing_ok=True)
        self.daemon.start()
        wait_until(lambda: self._socket.exists() or self.daemon.check(), f'{self.name}: VICI socket')
        self.load(conf)
        return self

    def load(self, conf):
        (self.folder / 'swanctl' / 'swanctl.conf').write_text(render(conf))
        self.swanctl('--load-all', '--clear')

    def log_text(self):
        log = Path(self.folder / 'charon.log')
        return log.read_text(errors='replace') if log.exists() else ''

    def stop(self):
        self.daemon.stop(5)

    def kill(self):
        self.daemon.kill()

    def _swanctl(self, words, timeout):
        return run_swanctl(f'unix://{self._socket}', self.folder / 'swanctl', words, timeout, self._env)

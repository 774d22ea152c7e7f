"""FreeRADIUS: knows users by password (PAP) and what addresses they are to have."""

import shutil

from .process import Daemon, LabError, wait_until

SECRET = 'radsecret'
# User: (password, what its Access-Accept says).
USERS = {
    'user1': ('pass1', {'Reply-Message': '"Hello user1"', 'Class': '"group-lab"', 'Session-Timeout': 3600}),
    'user2': ('pass2', {'Framed-IP-Address': '10.3.0.77', 'Framed-IP-Netmask': '255.255.255.255'}),
}

_RADIUSD = '''prefix = /usr
localstatedir = {folder}
name = freeradius
confdir = {folder}
libdir = /usr/lib/freeradius
run_dir = {folder}
db_dir = {folder}
logdir = {folder}
max_request_time = 5
max_requests = 1024
hostname_lookups = no
log {{
  destination = stdout
  auth = yes
}}
security {{
  max_attributes = 200
  reject_delay = 0
  status_server = no
  allow_vulnerable_openssl = yes
}}
client lab {{
  ipaddr = {client}
  secret = {secret}
  require_message_authenticator = yes
}}
modules {{
  files {{
    usersfile = {folder}/users
  }}
  pap {{
    normalise = yes
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = {address}
    port = {port}
  }}
  authorize {{
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
}}
'''


class FreeRadius:
    """A server in a namespace, on loopback unless told otherwise. It takes no request without a Message-Authenticator."""

    def __init__(self, lab, ns, users=None, address='127.0.0.1', port=1812, name='freeradius'):
        self.lab, self.address, self.port, self.name = lab, address, port, name
        self.folder = lab.work / name
        self._users = USERS if users is None else users
        self._daemon = Daemon(name, ['freeradius', '-f', '-d', self.folder, '-l', 'stdout'], lab.log(f'{name}.log'), netns=ns)
        lab.on_close(self.stop)

    @property
    def settings(self):
        """What `control { radius { servers { NAME` of a gateway says to find it."""
        return {'address': self.address, 'auth_port': self.port, 'secret': SECRET}

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        client = '0.0.0.0/0' if '.' in self.address else '::/0'
        (self.folder / 'radiusd.conf').write_text(_RADIUSD.format(folder=self.folder, address=self.address, port=self.port,
                                                                  client=client, secret=SECRET))
        (self.folder / 'dictionary').write_text('$INCLUDE /usr/share/freeradius/dictionary\n')
        users = ''
        for name, (password, says) in self._users.items():
            users += f'{name} Cleartext-Password := "{password}"\n'
            users += ',\n'.join(f'        {key} = {value}' for key, value in says.items()) + '\n'
        (self.folder / 'users').write_text(users)
        self._daemon.start()
        wait_until(lambda: 'Ready to process requests' in self.log_text() or self._daemon.check(), f'{self.name} is ready', 20)
        return self

    def log_text(self):
        return self.lab.log(f'{self.name}.log').read_text(errors='replace')

    def expect_login(self, user, ok=True, timeout=10):
        """Its log says that the user came, and whether it was let in."""
        said = f'Login OK: [{user}' if ok else f'Login incorrect'
        try:
            wait_until(lambda: any(said in line and f'[{user}' in line for line in self.log_text().splitlines()), said, timeout)
        except LabError as error:
            raise LabError(f'{self.name}: {error}') from None

    def stop(self):
        self._daemon.stop(5)

    def kill(self):
        self._daemon.kill()

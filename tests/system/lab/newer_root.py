"""charon from a second root that tools/lib/newer_root.sh makes: strongSwan 6.1, which knows ML-KEM."""

import os
from pathlib import Path

from .charon import Charon
from .process import Daemon, Skip

# The folder of the instance and its VICI socket are where they are outside, so that swanctl of this root can talk to it.
_ENTER = '''
  set -e
  mount --bind "$1" "$1"
  mount --rbind /dev "$1/dev"; mount --rbind /sys "$1/sys"; mount -t proc proc "$1/proc"
  mkdir -p "$1$2"; mount --bind "$2" "$1$2"
  exec chroot "$1" /usr/sbin/charon-systemd'''


class NewerCharon(Charon):
    """As Charon; skips the test where there is no such root."""

    def __init__(self, lab, ns, name, **options):
        root = os.environ.get('CULVERT_NEWER_ROOT', '')
        if not root or not Path(root, '.complete').exists():
            raise Skip('needs strongSwan 6.1: ' + (os.environ.get('CULVERT_NEWER_ROOT_MISSING') or 'no root with it here'))
        super().__init__(lab, ns, name, **options)
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ['unshare', '-m', '--propagation', 'private', 'bash', '-c', _ENTER, 'bash', root, self.folder]
        self.daemon = Daemon(name, command, lab.log(f'{name}.stdout'), netns=ns, env=self._env)

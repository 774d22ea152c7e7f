"""L2TP (RFC 2661) with xl2tpd and pppd: a server and clients, each in a guest of user-mode-linux, whose kernel has PPP."""

from .net import Bridge, NatRouter, veth
from .uml import UmlGuest, UmlKernel

SERVER_INSIDE = '10.50.0.1'
_PPP_OPTIONS = 'noauth\nnodefaultroute\nnoccp\nnodetach\nmtu 1300\nmru 1300\nipcp-accept-local\nipcp-accept-remote\n{more}'
_SERVER = '''[global]
port = 1701
access control = no
[lns default]
ip range = 10.50.0.10-10.50.0.20
local ip = {inside}
require authentication = no
length bit = yes
pppoptfile = {folder}/ppp.options
'''
_CLIENT = '''[global]
port = 1701
access control = no
[lac server]
lns = {server}
require authentication = no
length bit = yes
pppoptfile = {folder}/ppp.options
'''


class _L2tp:
    """What has xl2tpd in a guest."""

    def run_l2tp(self, conf, more=''):
        (self.folder / 'xl2tpd.conf').write_text(conf)
        (self.folder / 'ppp.options').write_text(_PPP_OPTIONS.format(more=more))
        self.lab.keep_log(self.folder / 'xl2tpd.log', f'{self.name}-xl2tpd.log')
        self.sh('for m in ppp_generic ppp_async; do modprobe "$m" || exit 1; done\n'
                'mkdir -p /dev/pts /run/xl2tpd && mount -t devpts devpts /dev/pts\n'
                f'xl2tpd -D -c {self.folder}/xl2tpd.conf -p /run/xl2tpd.pid -C /run/xl2tpd/l2tp-control '
                f'> {self.folder}/xl2tpd.log 2>&1 &\n'
                'for i in $(seq 100); do [ -p /run/xl2tpd/l2tp-control ] && exit 0; sleep 0.05; done; exit 1')


class L2tpServer(UmlGuest, _L2tp):
    """Plain L2TP on the TAP of a gateway's port: the guest stands where the host's own stack would, which is silenced. (The host's
    kernel may lack PPP.)"""

    def start(self):
        self.ns.run('nft', 'add table ip quiet; add chain ip quiet in { type filter hook input priority 0; policy drop; }; '
                    'add chain ip quiet out { type filter hook output priority 0; policy drop; }')
        self.boot()
        # A TAP has no neighbours: whatever the host sends is the gateway's to route.
        self.sh('ip link set vec0 arp off && ip route add default dev vec0')
        self.run_l2tp(_SERVER.format(inside=SERVER_INSIDE, folder=self.folder))
        return self


class L2tpClient(UmlKernel, _L2tp):
    """With charon before it: call() only after initiate()."""

    def serve(self, server):
        self.run_l2tp(_CLIENT.format(server=server, folder=self.folder))
        return self

    def call(self):
        """Brings the PPP link up; its address."""
        _, said = self.sh('echo "c server" > /run/xl2tpd/l2tp-control\n'
                          'for i in $(seq 300); do a=$(ip -4 -o address show dev ppp0 2>/dev/null) && [ -n "$a" ] && break; sleep 0.05; done\n'
                          'set -- $a; [ -n "$4" ] && echo "$4"', timeout=25)
        return said.split()[-1].split('/')[0]

    def ping(self, count=3, size=56):
        """Through the tunnel and the PPP link to the server, every one answered."""
        self.sh(f'ping -n -q -c {count} -i 0.1 -W 5 -s {size} {SERVER_INSIDE} | grep -q " {count} received"')

    def hang_up(self):
        self.sh('echo "d server" > /run/xl2tpd/l2tp-control')


def clients_behind_one_nat(lab, outside, count=2):
    """A NAT router on the segment `outside`, as 192.0.2.254, and so many namespaces behind it: [(namespace, interfaces)], as guests
    take them."""
    router = lab.namespace('cpe')
    outside.attach(router, 'outside')
    router.address('outside', '192.0.2.254/24')
    inside = Bridge(lab.namespace('home'))
    veth(router, 'inside', inside.ns, 'p-cpe')
    inside.ns.ip('link', 'set', 'p-cpe', 'master', inside.name)
    router.address('inside', '10.99.0.1/24')
    NatRouter(router, 'outside')
    places = []
    for number in range(count):
        ns = lab.namespace(f'client-{number}', ipv6=False)
        inside.attach(ns, 'wan')
        places.append((ns, {'wan': [f'10.99.0.{10 + number}/24']}))
    return places

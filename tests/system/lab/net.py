"""Network namespaces and the wires between them."""

import json

from .process import run

# Without these a veth leaves checksums to hardware that is not there and hands over 64 KiB segments.
OFFLOADS_OFF = ('tx', 'off', 'rx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off')


class Namespace:
    """A network namespace. It ends with close(), and with the lab's mount namespace where the lab is killed."""

    def __init__(self, name, ipv6=True):
        self.name = name
        run('ip', 'netns', 'add', name)
        self.ip('link', 'set', 'lo', 'up')
        if not ipv6:
            self.sysctl('net.ipv6.conf.all.disable_ipv6', 1)
            self.sysctl('net.ipv6.conf.default.disable_ipv6', 1)

    def __str__(self):
        return self.name

    def run(self, *command, **options):
        return run(*command, netns=self.name, **options)

    def ip(self, *words):
        return run('ip', '-n', self.name, *words)

    def sysctl(self, key, value):
        self.run('sysctl', '-qw', f'{key}={value}')

    def forward(self):
        """Makes it a router, for IPv4 and IPv6."""
        self.sysctl('net.ipv4.ip_forward', 1)
        self.sysctl('net.ipv6.conf.all.forwarding', 1)

    def address(self, interface, *addresses):
        for address in addresses:
            self.ip('addr', 'add', address, 'dev', interface, *(['nodad'] if ':' in address else []))

    def route(self, to, via):
        self.ip(*(['-6'] if ':' in to else []), 'route', 'add', to, 'via', via)

    def losses(self):
        """Packets that the interfaces here count as lost by themselves: {'interface': packets}."""
        links = json.loads(run('ip', '-n', self.name, '-s', '-s', '-j', 'link', 'show').stdout)
        return {f'{self.name}/{link["ifname"]}': sum(link['stats64'][way].get('dropped', 0) + link['stats64'][way].get('errors', 0)
                                                      for way in ('rx', 'tx'))
                for link in links if 'stats64' in link}

    def socket_losses(self):
        """Datagrams that its sockets, of whatever program, had no room for."""
        rows = self.run('cat', '/proc/net/raw', '/proc/net/udp', '/proc/net/raw6', '/proc/net/udp6', check=False).stdout.splitlines()
        return sum(int(row.split()[-1]) for row in rows if row.split()[0].endswith(':'))

    def close(self):
        pids = run('ip', 'netns', 'pids', self.name, check=False).stdout.split()
        if pids:
            run('kill', '-9', *pids, check=False)
        run('ip', 'netns', 'del', self.name, check=False)


def veth(ns_a, name_a, ns_b, name_b, mtu=1500, queues=1):
    """A wire between two namespaces; both ends up, no addresses, offloads off, no address made by the kernel itself."""
    many = ['numtxqueues', queues, 'numrxqueues', queues]
    run('ip', 'link', 'add', name_a, 'mtu', mtu, *many, 'netns', ns_a, 'type', 'veth',
        'peer', 'name', name_b, 'mtu', mtu, *many, 'netns', ns_b)
    for ns, name in ((ns_a, name_a), (ns_b, name_b)):
        ns.ip('link', 'set', name, 'addrgenmode', 'none')
        ns.run('ethtool', '-K', name, *OFFLOADS_OFF)
        # The default holds 1,000 packets a flow in no queue at all; a burst of a worker is larger than a socket's.
        ns.ip('link', 'set', name, 'txqueuelen', 4096, 'up')


class Bridge:
    """A segment of the outside: every station's veth ends here, where a sniffer sees all of it whatever drives the ends."""

    def __init__(self, ns, name='br0'):
        self.ns, self.name, self.ports = ns, name, []
        ns.ip('link', 'add', name, 'type', 'bridge', 'stp_state', 0, 'mcast_snooping', 0)
        ns.ip('link', 'set', name, 'addrgenmode', 'none', 'up')

    def attach(self, station, interface, mtu=1500):
        """Gives `station` an interface on the segment."""
        port = f'p-{station}'
        veth(station, interface, self.ns, port, mtu)
        self.ns.ip('link', 'set', port, 'master', self.name)
        self.ports.append(port)


class NatRouter:
    """A router in `ns` that hides what is behind it: behind the address of its interface `outside`, and new UDP ports."""

    def __init__(self, ns, outside):
        self.ns, self._outside = ns, outside
        ns.forward()
        self._masquerade('20000-39999')

    def _masquerade(self, ports):
        self.ns.run('nft', f'add table ip nat; flush table ip nat; '
                    'add chain ip nat post { type nat hook postrouting priority srcnat; policy accept; }; '
                    f'add rule ip nat post oifname "{self._outside}" meta l4proto udp masquerade to :{ports} random')

    def remap(self):
        """Forgets every mapping, as a restarted router does: what comes next from the inside leaves from other ports."""
        self.ns.ip('link', 'set', self._outside, 'down')      # masquerade drops the mappings of an interface that goes down
        self._masquerade('40000-59999')
        self.ns.ip('link', 'set', self._outside, 'up')

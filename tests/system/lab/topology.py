"""The one network of the demo and the system tests: two hosts, two gateways, a sniffed outside between them.

    alice ---- A ----+---- outside ----+---- B ---- bob            IPv4                      IPv6
   .2  10.1.0.0/24  .1                 .2  10.2.0.0/24  .2         lan 10.1/24, 10.2/24      fd01::/64, fd02::/64
                    192.0.2.0/24 (a bridge, with a sniffer)        wan 192.0.2/24            2001:db8::/64

With nat=True A stands behind a router that hides it: A is 10.99.0.2, and the outside sees 192.0.2.254.
"""

from .host import Host
from .net import Bridge, NatRouter, veth
from .sniffer import Sniffer

PROTECTED = ['10.1.0.0/24', '10.2.0.0/24', 'fd01::/64', 'fd02::/64']


class Side:
    """One gateway's place: its namespace, interfaces and addresses. What runs there is put there by the caller."""

    def __init__(self, ns, wan, lan):
        self.ns, self.wan_addresses, self.lan_addresses = ns, wan, lan
        self.routes = []                    # (to, via) beyond its own networks


class Topology:
    WAN, LAN = 'wan', 'lan'                 # interface names in both gateways' namespaces

    def __init__(self, lab, nat=False, sniff=True, mtu=1500, whole_capture=False):
        self.lab = lab
        self.outside = Bridge(lab.namespace('outside'))
        # What a gateway's own namespace does with packets would hide what the gateway does: it has no IPv6 until kernel() says.
        self.a = Side(lab.namespace('a', ipv6=False), ['192.0.2.1/24', '2001:db8::1/64'], ['10.1.0.1/24', 'fd01::1/64'])
        self.b = Side(lab.namespace('b', ipv6=False), ['192.0.2.2/24', '2001:db8::2/64'], ['10.2.0.1/24', 'fd02::1/64'])
        self.nat = None
        if nat:
            self._behind_nat(mtu)
        else:
            self.outside.attach(self.a.ns, self.WAN, mtu)
        self.outside.attach(self.b.ns, self.WAN, mtu)
        self.alice = self._host('alice', self.a, '10.1.0.2', 'fd01::2')
        self.bob = self._host('bob', self.b, '10.2.0.2', 'fd02::2')
        self.sniffer = Sniffer(lab, self.outside, PROTECTED, whole_capture).start() if sniff else None

    def _behind_nat(self, mtu):
        router = self.lab.namespace('nat')
        veth(self.a.ns, self.WAN, router, 'inside', mtu)
        self.outside.attach(router, 'outside', mtu)
        router.address('inside', '10.99.0.1/24')
        router.address('outside', '192.0.2.254/24')
        self.nat = NatRouter(router, 'outside')
        self.a.wan_addresses = ['10.99.0.2/24']
        self.a.routes = [('0.0.0.0/0', '10.99.0.1')]

    def _host(self, name, side, address, address6):
        ns = self.lab.namespace(name)
        veth(ns, 'eth0', side.ns, self.LAN)
        # Every IPv6 host has a link-local address; without one it cannot answer a neighbour's solicitation.
        ns.address('eth0', f'{address}/24', f'{address6}/64', 'fe80::1/64')
        gateway, gateway6 = (a.split('/')[0] for a in side.lan_addresses)
        ns.route('default', gateway)
        ns.ip('-6', 'route', 'add', 'default', 'via', gateway6)
        return Host(self.lab, ns, address, address6)

    def losses(self):
        """What the wires and the bridge count as lost by themselves: {'namespace/interface': packets}."""
        namespaces = [self.alice.ns, self.a.ns, self.outside.ns, self.b.ns, self.bob.ns] + ([self.nat.ns] if self.nat else [])
        return {name: count for ns in namespaces for name, count in ns.losses().items()}

    def kernel(self, side):
        """Gives a gateway's namespace its addresses and makes it forward: for peers that use the kernel's stack there."""
        side.ns.sysctl('net.ipv6.conf.all.disable_ipv6', 0)
        side.ns.sysctl('net.ipv6.conf.default.disable_ipv6', 0)
        side.ns.forward()
        # Without a link-local address Linux has no source for its neighbour solicitations and resolves nobody it forwards to.
        for interface in (self.WAN, self.LAN):
            side.ns.ip('address', 'add', 'fe80::2/64', 'dev', interface, 'nodad')
        side.ns.address(self.WAN, *side.wan_addresses)
        side.ns.address(self.LAN, *side.lan_addresses)
        for to, via in side.routes:
            side.ns.route(to, via)
        return side.ns

    def kernel_interfaces(self, side):
        """{interface: addresses}, as UmlKernel takes them."""
        return {self.WAN: side.wan_addresses, self.LAN: side.lan_addresses}

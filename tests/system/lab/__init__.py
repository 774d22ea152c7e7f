"""Namespaces, gateways, peers and traffic for the system tests and the demo. Python's standard library only."""

from .charon import Charon
from .gateway import Gateway
from .host import Host, Probe
from .lab import Lab
from .net import Bridge, Namespace, NatRouter, veth
from .process import Daemon, LabError, Skip, run, wait_until
from .sniffer import Sniffer, tshark
from .swanctl import Tunnel, ikev1_tunnel
from .uml import UmlKernel

__all__ = ['Bridge', 'Charon', 'Daemon', 'Gateway', 'Host', 'Lab', 'LabError', 'Namespace', 'NatRouter', 'Probe', 'Skip', 'Sniffer', 'Tunnel',
           'UmlKernel', 'ikev1_tunnel', 'run', 'tshark', 'veth', 'wait_until']

"""Watching the outside: nothing of a protected selector may ever be readable there."""

import ipaddress
import json
import re
import struct
import time
from pathlib import Path

from .probe import MARKER
from .process import Daemon, LabError, run, wait_until

# Bulk ESP is sampled by the low bits of its sequence number; everything else is kept whole.
_ESP_4 = '(ip proto 50 and ip[27] & 0x3f != 0)'
_ESP_6 = '(ip6 proto 50 and ip6[47] & 0x3f != 0)'
_UDP_ESP_4 = '(udp port 4500 and ip[0] = 0x45 and udp[8:4] != 0 and udp[15] & 0x3f != 0)'
_UDP_ESP_6 = '(ip6 proto 17 and (ip6[40:2] = 4500 or ip6[42:2] = 4500) and ip6[48:4] != 0 and ip6[55] & 0x3f != 0)'
ALL_BUT_BULK = f'not {_ESP_4} and not {_ESP_6} and not {_UDP_ESP_4} and not {_UDP_ESP_6}'


def read_pcap(path):
    """The frames of a pcap file (little-endian, as tcpdump writes it here); a truncated last record is left out."""
    data = Path(path).read_bytes()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from('<I', data, at + 8)[0]
        if at + 16 + length > len(data):
            return
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def ip_of(frame):
    """(source, destination) of the outermost IP header, or None."""
    kind = struct.unpack_from('!H', frame, 12)[0] if len(frame) >= 14 else 0
    if kind == 0x0800 and len(frame) >= 34:
        return ipaddress.ip_address(frame[26:30]), ipaddress.ip_address(frame[30:34])
    if kind == 0x86dd and len(frame) >= 54:
        return ipaddress.ip_address(frame[22:38]), ipaddress.ip_address(frame[38:54])
    return None


class Sniffer:
    """tcpdump on a segment of the outside. whole=True keeps bulk ESP too, for decoding."""

    def __init__(self, lab, bridge, protected, whole=False):
        self.protected = [ipaddress.ip_network(p) for p in protected]
        self.pcap = lab.log(f'{bridge.ns}.pcap')
        self._daemon = Daemon(f'tcpdump on {bridge.ns}',
                              ['tcpdump', '-Z', 'root', '--immediate-mode', '-U', '-n', '-i', bridge.name, '-B', 16384, '-w', self.pcap,
                               *(['-s', '0'] if whole else ['-s', '400', ALL_BUT_BULK])],
                              lab.log(f'{bridge.ns}.tcpdump'), netns=bridge.ns)
        lab.on_close(self.stop)
        self.dropped = 0                  # by tcpdump, told when it ends

    def start(self):
        self._daemon.start()
        wait_until(lambda: b'listening on' in self._daemon.log.read_bytes() or self._daemon.check(), 'tcpdump listening')
        return self

    def stop(self):
        if self._daemon.running():
            time.sleep(0.2)           # for what is still in the socket
            self._daemon.stop(5)
            said = self._daemon.log.read_text(errors='replace')
            self.dropped = int((re.search(r'(\d+) packets dropped by kernel', said) or [0, 0])[1])

    def leaks(self, but_from=None):
        """Why the capture shows protected plaintext: a list of sentences, empty when it does not. `but_from`: the network behind
        a peer that lets its own packets out in clear where it has no SA; that is its business, and not ours."""
        self.stop()
        found = []
        for number, frame in enumerate(read_pcap(self.pcap), 1):
            addresses = ip_of(frame)
            if addresses and but_from and addresses[0] in ipaddress.ip_network(but_from):
                continue
            if addresses and any(a in net for a in addresses for net in self.protected):
                found.append(f'frame {number}: {addresses[0]} > {addresses[1]} in clear')
            elif MARKER[:12] in frame:
                found.append(f'frame {number}: the payload marker is readable')
        return found

    def expect_no_plaintext(self, but_from=None):
        found = self.leaks(but_from)
        if found:
            raise LabError(f'{len(found)} frames of plaintext outside ({self.pcap}): {"; ".join(found[:3])}')
        if not any(True for _ in read_pcap(self.pcap)):
            raise LabError(f'the sniffer saw nothing at all: {self.pcap}')


def tshark(pcap, fields, *, keys=None, display_filter=None):
    """Decoded fields of a capture: a list of dicts. keys: a folder with Wireshark's tables for IKE and ESP."""
    options = ['-o', 'esp.enable_encryption_decode:TRUE', '-o', 'esp.enable_authentication_check:TRUE'] if keys else []
    done = run('tshark', '-r', pcap, *options, *(['-Y', display_filter] if display_filter else []), '-T', 'json',
               *[word for name in fields for word in ('-e', name)], timeout=120,
               env={'WIRESHARK_CONFIG_DIR': str(keys)} if keys else None)
    text = done.stdout[done.stdout.index('['):]
    return [packet['_source'].get('layers', {}) for packet in json.loads(text)]

"""ESP as it was seen outside: looked at for repeated IVs, and sent again."""

import os
import socket
import struct
from dataclasses import dataclass

from .sniffer import read_pcap


@dataclass(frozen=True)
class EspPacket:
    source: bytes
    destination: bytes
    spi: int
    sequence: int
    iv: bytes
    frame: bytes
    at: int                 # where the SPI begins in `frame`


def esp_packet(frame):
    """The ESP packet in an Ethernet frame, raw or UDP-encapsulated, over IPv4 or IPv6; None for anything else."""
    kind = struct.unpack_from('!H', frame, 12)[0] if len(frame) > 14 else 0
    if kind == 0x0800:
        at, protocol, source, destination = 14 + (frame[14] & 15) * 4, frame[23], frame[26:30], frame[30:34]
    elif kind == 0x86dd:
        at, protocol, source, destination = 54, frame[20], frame[22:38], frame[38:54]
    else:
        return None
    if protocol == 17 and 4500 in struct.unpack_from('!HH', frame, at):
        at, protocol = at + 8, 50
    if protocol != 50 or len(frame) < at + 16:
        return None
    spi, sequence, iv = struct.unpack_from('!II8s', frame, at)
    return EspPacket(source, destination, spi, sequence, iv, frame, at) if spi else None     # 0: IKE behind a non-ESP marker


def esp_packets(pcap):
    for frame in read_pcap(pcap):
        packet = esp_packet(frame)
        if packet:
            yield packet


def repeated_ivs(pcap):
    """(how many ESP packets there are, sentences about IVs or sequence numbers under which one SA sealed two packets).

    The same octets once more are a copy somebody sent, not a second sealing."""
    seen, found, count = {}, [], 0
    for packet in esp_packets(pcap):
        count += 1
        sealed = hash(packet.frame[packet.at:])
        for what, value in (('IV', packet.iv), ('sequence number', packet.sequence)):
            first = seen.setdefault((packet.destination, packet.spi, what), {}).setdefault(value, sealed)
            if first != sealed:
                found.append(f'SPI {packet.spi:08x}: {what} {value if isinstance(value, int) else value.hex()} twice')
    return count, found


def send_frames(ns, interface, frames):
    """Puts frames on a wire again, as somebody on the path would."""
    with open(f'/run/netns/{ns}') as there, open('/proc/self/ns/net') as here:
        os.setns(there.fileno(), os.CLONE_NEWNET)
        try:
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            wire.bind((interface, 0))
        finally:
            os.setns(here.fileno(), os.CLONE_NEWNET)
    with wire:
        for frame in frames:
            wire.send(frame)

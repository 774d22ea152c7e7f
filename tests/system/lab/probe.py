#!/usr/bin/env python3
"""A UDP probe: both ends send numbered datagrams at a steady rate and account for each one that does not arrive.

probe.py NETNS_A ADDRESS_A NETNS_B ADDRESS_B RATE MIN MAX    sends until its standard input closes, waits for stragglers and
prints one JSON object: per direction sent, received, duplicates, reordered, missing (the numbers), socket_drops.

Sizes are whole IP packets and step through MIN..MAX octets. Every payload is full of MARKER, which nobody may ever see on
the outside.
"""

import json
import os
import select
import socket
import struct
import sys
import threading
import time

MARKER = b'culvert-plaintext-marker!'
PORT = 7007
STRAGGLERS = 2.0          # seconds to wait for what is still under way
RECEIVE_BUFFER = 8 << 20  # octets: a pause of the receiver is no loss of the path
SO_RXQ_OVFL = 40


def udp_socket(netns, address):
    """A bound UDP socket that lives in another network namespace."""
    with open(f'/run/netns/{netns}') as there, open('/proc/self/ns/net') as here:
        os.setns(there.fileno(), os.CLONE_NEWNET)
        try:
            s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE if hasattr(socket, 'SO_RCVBUFFORCE') else 33, RECEIVE_BUFFER)
            s.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            s.bind((address, PORT))
        finally:
            os.setns(here.fileno(), os.CLONE_NEWNET)
    return s


class Direction:
    """One sender and its receiver. Sent by the pacing thread, received by the other; read when both have ended."""

    def __init__(self, source, sink, sink_address, sizes):
        self.source, self.sink, self.to = source, sink, (sink_address, PORT)
        header = 48 if ':' in sink_address else 28
        filler = MARKER * (max(sizes) // len(MARKER) + 1)
        self.payloads = [filler[:size - header - 8] for size in sizes]
        self.sent = 0
        self.seen = bytearray()
        self.last = -1
        self.duplicates = self.reordered = self.socket_drops = self.refused = self.foreign = 0

    def send(self):
        number = self.sent
        try:
            self.source.sendto(struct.pack('!Q', number) + self.payloads[number % len(self.payloads)], self.to)
            self.sent += 1
        except OSError:
            self.refused += 1         # an ICMP error about an earlier datagram, or no buffer: this number was not sent

    def receive(self):
        while True:
            try:
                data, notes, _, _ = self.sink.recvmsg(2048, 64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                continue              # an ICMP error about a datagram that this socket sent
            for level, kind, value in notes:
                if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL:
                    self.socket_drops = struct.unpack('I', value)[0]
            if len(data) < 8:
                self.foreign += 1
                continue
            self.account(struct.unpack_from('!Q', data)[0], len(data))

    def account(self, number, size):
        if number > self.last + 10_000_000 or size != 8 + len(self.payloads[number % len(self.payloads)]):
            self.foreign += 1
            return
        if number >= len(self.seen):
            self.seen.extend(bytes(number + 65536 - len(self.seen)))
        if self.seen[number]:
            self.duplicates += 1
        elif number < self.last:
            self.reordered += 1
        self.seen[number] = 1
        self.last = max(self.last, number)

    def report(self):
        seen = self.seen[:self.sent].ljust(self.sent, b'\0')
        missing = [n for n, value in enumerate(seen) if not value]
        return {'sent': self.sent, 'received': self.sent - len(missing), 'lost': len(missing), 'missing': missing[:1000],
                'duplicates': self.duplicates, 'reordered': self.reordered, 'socket_drops': self.socket_drops,
                'refused': self.refused, 'foreign': self.foreign}


def receive_until(stop, directions):
    by_socket = {d.sink: d for d in directions}
    while not stop.is_set():
        for ready in select.select(list(by_socket), [], [], 0.05)[0]:
            by_socket[ready].receive()


def pace(directions, rate):
    """Sends `rate` datagrams a second in each direction until standard input closes."""
    start = time.monotonic()
    sent = 0
    while True:
        due = int((time.monotonic() - start) * rate)
        # After a pause of this process it goes on at its rate; it does not catch up in one burst.
        if due - sent > rate // 50:
            start += (due - sent) / rate
            due = sent
        while sent < due:
            for direction in directions:
                direction.send()
            sent += 1
        if select.select([sys.stdin], [], [], 0.001)[0]:
            return


def main():
    netns_a, address_a, netns_b, address_b = sys.argv[1:5]
    rate, low, high = (int(a) for a in sys.argv[5:8])
    a, b = udp_socket(netns_a, address_a), udp_socket(netns_b, address_b)
    sizes = list(range(low, high + 1, max(1, (high - low) // 97)))
    directions = [Direction(a, b, address_b, sizes), Direction(b, a, address_a, sizes)]
    stop = threading.Event()
    receiver = threading.Thread(target=receive_until, args=(stop, directions))
    receiver.start()
    pace(directions, rate)
    time.sleep(STRAGGLERS)
    stop.set()
    receiver.join()
    for direction in directions:
        direction.receive()
    json.dump({'a_to_b': directions[0].report(), 'b_to_a': directions[1].report()}, sys.stdout)


if __name__ == '__main__':
    main()

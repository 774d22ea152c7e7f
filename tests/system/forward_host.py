"""`tap = yes`: services of the gateway's own machine behind a port, and that machine calling out, in clear and by policy."""

import re
import signal

from lab import Daemon, Gateway, LabError, Tunnel, run, wait_until
from lab.topology import Topology

SUITE = 'forward'
TIMEOUT = 120
OWN, OWN6 = '192.0.2.1', '2001:db8::1'
PEER, PEER6 = '192.0.2.2', '2001:db8::2'
TAP = 'host0'
ECHO = 'import socket,sys,threading\n' \
    'f=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET\n' \
    'u=socket.socket(f,socket.SOCK_DGRAM);u.bind((sys.argv[1],7000))\n' \
    't=socket.socket(f,socket.SOCK_STREAM);t.setsockopt(1,2,1);t.bind((sys.argv[1],7000));t.listen()\n' \
    'def udp():\n' \
    '    while True:\n' \
    '        d,a=u.recvfrom(65535);u.sendto(d,a)\n' \
    'threading.Thread(target=udp,daemon=True).start()\n' \
    'while True:\n' \
    '    c,_=t.accept();d=c.makefile("rb").read();c.sendall(d);c.close()\n'
CALL = 'import socket,sys\n' \
    'f=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET\n' \
    'kind,size=sys.argv[2],int(sys.argv[3])\n' \
    's=socket.socket(f,socket.SOCK_STREAM if kind=="tcp" else socket.SOCK_DGRAM);s.settimeout(float(sys.argv[4]))\n' \
    's.connect((sys.argv[1],7000));d=bytes(i*7&255 for i in range(size));s.sendall(d);got=b""\n' \
    'if kind=="tcp":\n' \
    '    s.shutdown(1)\n' \
    '    while (b:=s.recv(65536)): got+=b\n' \
    'else: got=s.recv(65535)\n' \
    'sys.exit(0 if got==d else 1)\n'


def host_gateway(lab, port='af_xdp', **dataplane):
    net = Topology(lab, sniff=False)
    gateway = Gateway(lab, net.a, 'culvert-a', port=port, dataplane=dataplane)
    gateway.tap('wan', TAP)
    net.kernel(net.b)
    return net, gateway


def serve(lab, ns, *addresses):
    for address in addresses:
        Server(lab, ns, address)


class Server:
    """TCP and UDP echo on port 7000 of an address."""

    def __init__(self, lab, ns, address):
        self._daemon = Daemon(f'echo on {address}', ['python3', '-c', ECHO, address], lab.log(f'echo-{address.replace(":", "-")}'),
                              netns=ns)
        lab.on_close(self._daemon.kill)
        self._daemon.start()
        where = f'[{address}]:7000' if ':' in address else f'{address}:7000'
        wait_until(lambda: where in run('ss', '-Hltn', netns=ns).stdout or self._daemon.check(), f'echo on {where}')


def call(ns, to, kind, size=1000, check=True):
    """Whether an echo came back whole."""
    done = ns.run('python3', '-c', CALL, to, kind, size, 10 if check else 1, check=False)
    if check and done.returncode:
        raise LabError(f'{ns} calls {to} by {kind} with {size} octets: {done.stdout[-300:]}')
    return done.returncode == 0


def call_every_way(ns, *addresses, sizes=(100, 1400, 9000)):
    """By TCP and by UDP, the last in fragments."""
    for to in addresses:
        call(ns, to, 'tcp', 300000)
        for size in sizes:
            call(ns, to, 'udp', size)


def tap_row(gateway, name=TAP):
    return next(row for row in gateway.ctl('counters')['taps'] if row['tap'] == name)


def expect_no_tap(net, name=TAP):
    for what in (('link', 'show', name), ('rule', 'show', 'from', OWN), ('-6', 'rule', 'show', 'from', OWN6)):
        left = run('ip', '-n', net.a.ns, *what, check=False)
        if left.returncode == 0 and left.stdout.strip():
            raise LabError(f'left behind: {left.stdout}')


def test_services_and_calls(lab):
    """Whoever takes the packets under the port: packet sockets copy all of them to the kernel, which must not use the copies."""
    for port in ('af_packet', 'af_xdp'):
        # DPDK's packet sockets have the kernel put fragments together, and lose what is longer than a frame of theirs.
        sizes = (100, 1400, 9000) if port == 'af_xdp' else (100, 1400)
        net, a = host_gateway(lab, port)
        a.start()
        serve(lab, net.a.ns, OWN, OWN6)
        serve(lab, net.b.ns, PEER, PEER6)
        call_every_way(net.b.ns, OWN, OWN6, sizes=sizes)
        net.alice.ns.run('ping', '-n', '-c', 1, '-W', 5, OWN)
        call_every_way(net.alice.ns, OWN, OWN6, sizes=sizes)          # by the other port: the address decides
        net.b.ns.route('10.1.0.0/24', OWN)
        net.b.ns.route('fd01::/64', OWN6)
        call_every_way(net.a.ns, PEER, PEER6, sizes=sizes)
        # Beyond the subnet there is no route of the host's but the last resort.
        serve(lab, net.alice.ns, '10.1.0.2', 'fd01::2')
        call_every_way(net.a.ns, '10.1.0.2', 'fd01::2', sizes=sizes)
        for to in (PEER, PEER6):
            net.a.ns.run('ping', '-n', '-c', 3, '-i', 0.05, '-W', 5, to)
        for size in (56, 4000)[:len(sizes) - 1]:         # the larger is answered by the host's stack
            for to in (OWN, OWN6):
                net.b.ns.run('ping', '-n', '-c', 3, '-i', 0.05, '-W', 5, '-s', size, to)
        counters = tap_row(a)
        if min(counters['to_host'], counters['from_host']) < 500:
            raise LabError(f'the TAP did not carry it: {counters}')
        a.expect_balance()
        a.expect_drops_only()
        wire = run('ip', '-n', net.a.ns, '-o', 'neigh', 'show', 'dev', TAP).stdout
        if re.search(r'INCOMPLETE|FAILED', wire):
            raise LabError(f'the host resolves by itself: {wire}')
        a.stop()
        expect_no_tap(net)
        for ns in (net.a.ns, net.b.ns, net.alice.ns, net.bob.ns, net.outside.ns):
            ns.close()


def test_the_kernel_takes_nothing_beside_the_tap(lab):
    """With packet sockets the kernel has a copy of every frame, and now an address they are for."""
    net, a = host_gateway(lab, 'af_packet', default_policy='drop')
    a.start()
    serve(lab, net.a.ns, OWN)
    if call(net.b.ns, OWN, 'tcp', 10, check=False) or call(net.b.ns, OWN, 'udp', 10, check=False):
        raise LabError('what default_policy drops reaches the host by the interface under the port')
    if a.drops().get('policy', 0) < 2 or tap_row(a)['to_host']:
        raise LabError(f'not dropped here: {a.drops()}, {tap_row(a)}')
    stack = net.a.ns.run('nstat', '-asz', 'IpInDelivers', 'TcpInSegs', 'UdpInDatagrams').stdout
    if re.search(r'^[A-Z]\w+ +[1-9]', stack, re.M):
        raise LabError(f'the stack took its own copy: {stack}')
    said = net.b.ns.run('arping', '-c', 3, '-w', 5, '-I', 'wan', OWN, check=False).stdout
    sent, answers = (int(n) for n in re.findall(r'(?:Sent|Received) (\d+)', said))
    if not 1 <= answers <= sent:
        raise LabError(f'not one answer to each request: {said}')
    a.expect_balance()


def expect_refused(gateway, reason, attempt):
    before = gateway.drops().get(reason, 0)
    if attempt():
        raise LabError(f'it passes, where it should be dropped as {reason}')
    wait_until(lambda: gateway.drops().get(reason, 0) > before, f'{gateway.name} drops it as {reason}')


def test_policy_holds_for_the_host(lab):
    """A protected selector never leaves in clear, and comes in by an SA alone; IKE with the same address goes on."""
    net = Topology(lab)
    tunnel = Tunnel(a_ts=f'{OWN}/32')
    a, b = Gateway(lab, net.a, 'culvert-a'), Gateway(lab, net.b, 'culvert-b')
    a.tap('wan', TAP)
    b.start(tunnel.conf('b'))
    a.start(tunnel.conf('a'))
    serve(lab, net.a.ns, OWN)
    serve(lab, net.bob.ns, net.bob.address)

    def host_calls():
        return call(net.a.ns, net.bob.address, 'udp', 100, check=False)

    expect_refused(a, 'no-sa', host_calls)
    a.initiate('net')
    wait_until(host_calls, 'the host reaches bob by the SA', 15)
    call_every_way(net.a.ns, net.bob.address)              # TCP finds the MTU of the tunnel
    for kind, size in (('tcp', 300000), ('udp', 100), ('udp', 1300)):
        call(net.bob.ns, OWN, kind, size)
    a.rekey_ike('net')
    wait_until(host_calls, 'the host reaches bob after a rekey', 15)
    addresses_follow(net, a)
    a.terminate('net')
    wait_until(lambda: not b.sas(), 'no SA left', 15)
    expect_refused(a, 'no-sa', host_calls)
    net.sniffer.expect_no_plaintext()
    for gateway in (a, b):
        gateway.expect_balance()
    # In clear from outside what only an SA may bring.
    expect_refused(a, 'plaintext-inbound', lambda: forge(net, a))


def forge(net, gateway):
    mac = next(p['mac'] for p in gateway.ctl('ports')['ports'] if p['name'] == TAP)
    frame = f"Ether(dst='{mac}',src='02:00:00:00:00:99')/IP(src='{net.bob.address}',dst='{OWN}')/UDP(sport=7000,dport=7000)/b'forged'"
    net.outside.ns.run('python3', '-c', f"from scapy.all import *; sendp({frame}, iface='br0', verbose=0)")


def addresses_follow(net, gateway):
    def at_host():
        return '192.0.2.77' in run('ip', '-n', net.a.ns, 'addr', 'show', 'dev', TAP).stdout
    gateway.ctl('address', 'add', TAP, '192.0.2.77/24')
    wait_until(at_host, 'the host has the new address', 5)
    gateway.ctl('address', 'del', TAP, '192.0.2.77/24')
    wait_until(lambda: not at_host(), 'the host has it no more', 5)
    if OWN not in run('ip', '-n', net.a.ns, 'addr', 'show', 'dev', TAP).stdout:
        raise LabError('the other address went with it')


def test_names_and_places(lab):
    net, a = host_gateway(lab)
    a.write_config(None)
    net.a.ns.ip('link', 'add', TAP, 'type', 'veth', 'peer', 'name', 'other')
    refused(a, 'port host0', 'already', 'another name')
    net.a.ns.ip('link', 'del', TAP)
    a.start()
    if 'UP' not in run('ip', '-n', net.a.ns, 'link', 'show', TAP).stdout:
        raise LabError('the TAP is down')
    # After a kill there is no TAP, and what it left is in nobody's way.
    a.dataplane.kill()
    if run('ip', '-n', net.a.ns, 'link', 'show', TAP, check=False).returncode == 0:
        raise LabError('the TAP outlives its gateway')
    a.start_dataplane()
    rules = run('ip', '-n', net.a.ns, 'rule', 'show', 'from', OWN).stdout
    if len(rules.splitlines()) != 1:
        raise LabError(f'not one rule for {OWN}: {rules}')
    a.dataplane.signal(signal.SIGTERM)
    if a.dataplane.wait(10) != 0:
        raise LabError('it does not end in order')
    expect_no_tap(net)


def refused(a, *words):
    a.dataplane.start()
    status = a.dataplane.wait(30)
    said = a.dataplane.log.read_text(errors='replace')
    if status in (None, 0) or not all(w in said for w in words):
        a.dataplane.kill()
        raise LabError(f'exit status {status}, wanted a refusal with {words}: {said[-500:]}')

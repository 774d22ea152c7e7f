"""How culvert-dataplane starts, refuses to start, and ends: plain routers, one gateway."""

import json
import time

from lab import Daemon, Gateway, LabError, run, wait_until
from lab.topology import Topology

SUITE = 'forward'


def gateway(lab, name='culvert-a', **options):
    net = Topology(lab, sniff=False)
    return net, Gateway(lab, net.a, name, **options)


def expect_refusal(lab, a, *words):
    """It ends by itself, soon, with an error that has all the words in it."""
    before = a.dataplane.log.stat().st_size if a.dataplane.log.exists() else 0
    a.dataplane.start()
    status = a.dataplane.wait(30)
    said = a.dataplane.log.read_text(errors='replace')[before:]
    if status in (None, 0):
        a.dataplane.kill()
        raise LabError(f'it starts (exit status {status}) where it should not: {said[-500:]}')
    for word in words:
        if word not in said:
            raise LabError(f'no {word!r} in: {said[-500:]}')


def test_the_kernel_must_not_see_the_traffic(lab):
    for port in ('af_xdp', 'af_packet'):
        net, a = gateway(lab, f'culvert-{port}', port=port)
        a.write_config(None)
        spoil = [
            (('addr', 'add', '10.1.0.99/24', 'dev', 'lan'), ('addr', 'flush', 'dev', 'lan'), ('lan', 'addresses', 'ip addr flush')),
            (('link', 'set', 'wan', 'addrgenmode', 'eui64'), ('link', 'set', 'wan', 'addrgenmode', 'none'), ('wan', 'IPv6 is on')),
        ]
        for do, undo, words in spoil:
            if 'addrgenmode' in do:
                net.a.ns.sysctl('net.ipv6.conf.wan.disable_ipv6', 0)
            net.a.ns.ip(*do)
            expect_refusal(lab, a, *words)
            net.a.ns.ip(*undo)
        net.a.ns.ip('-6', 'addr', 'flush', 'dev', 'wan')
        net.a.ns.sysctl('net.ipv6.conf.wan.disable_ipv6', 1)
        net.a.ns.sysctl('net.ipv4.ip_forward', 1)
        expect_refusal(lab, a, 'forwards IPv4', 'ip_forward=0')
        net.a.ns.sysctl('net.ipv4.ip_forward', 0)
        a.start()
        net.alice.ping('10.1.0.1')
        a.stop()
        for ns in (net.a.ns, net.b.ns, net.alice.ns, net.bob.ns, net.outside.ns):
            ns.close()


def test_one_gateway_in_a_folder(lab):
    net, a = gateway(lab)
    a.start()
    pid = int((a.run_folder / 'dataplane.pid').read_text())
    status = a.ctl_process('--json', 'status').stdout      # its exit status tells that no culvert-ike runs
    if pid != json.loads(status.splitlines()[0])['dataplane']['pid']:
        raise LabError(f'dataplane.pid says {pid}')
    other = Gateway(lab, net.a, 'culvert-a')
    other.dataplane.log = lab.log('second.log')
    expect_refusal(lab, other, 'lives here already')
    net.alice.ping('10.1.0.1')
    # What a killed one leaves is in nobody's way.
    a.dataplane.kill()
    a.start_dataplane()
    net.alice.ping('10.1.0.1')


def test_an_interface_that_is_not_there(lab):
    net, a = gateway(lab)
    a.write_config(None)
    net.a.ns.ip('link', 'del', 'lan')
    expect_refusal(lab, a, 'no interface lan')


def test_more_hugepages_than_there_are(lab):
    net, a = gateway(lab, dataplane={'hugepages': '900000'})
    a.write_config(None)
    expect_refusal(lab, a, 'hugepages: 900000 MiB are wanted', 'vm.nr_hugepages')


def test_the_configuration_is_checked_without_ports(lab):
    _, a = gateway(lab)
    a.write_config(None)
    program = [lab.programs / 'culvert-dataplane', '--config', a.config, '--run', a.run_folder]
    if run(*program, '--check', check=False).returncode != 0:
        raise LabError('--check refuses what is right')
    plan = run(*program, '--print-topology').stdout
    for words in ('port wan', 'receive queue 0 -> worker 0', 'ring from-main-0: main -> worker 0'):
        if words not in plan:
            raise LabError(f'no {words!r} in: {plan}')
    conf = a.config / 'culvert.conf'
    conf.write_text(conf.read_text().replace('af_xdp0,iface=wan', 'af_xdp0,iface=wan\n mtu = 70000'))
    done = run(*program, '--check', check=False)
    if done.returncode != 78 or 'culvert.conf:' not in done.stdout or 'mtu' not in done.stdout:
        raise LabError(f'--check: {done.returncode}: {done.stdout}')


def test_it_ends_in_time_under_load(lab):
    net, a = gateway(lab)
    a.start()
    net.alice.ping('10.1.0.1')
    flood = lab.log('flood')
    ping = Daemon('ping flood', ['ping', '-f', '-q', '10.1.0.1'], flood, netns=net.alice.ns).start()
    time.sleep(1)
    start = time.monotonic()
    status = a.dataplane.stop(10)
    took = time.monotonic() - start
    ping.kill()
    if status != 0 or took > 5:
        raise LabError(f'exit status {status} after {took:.1f} s')
    if (a.run_folder / 'dataplane-ctl.sock').exists():
        raise LabError('its socket is left')
    wait_until(lambda: 'stopped' in a.dataplane.log.read_text(), 'its last line', 1)

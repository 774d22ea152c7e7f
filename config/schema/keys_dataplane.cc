#include "config/schema/keys_dataplane.h"

namespace culvert::config {
namespace {

using enum Type;
using enum Verdict;

constexpr uint64_t kU16 = 65535, kU32 = 0xffffffff;

constexpr Key kKeys[] = {
    {"dataplane", kSection, "", kWorks, "the forwarding process: cores, ports, routes"},
    {"dataplane.workers", kText, "1", kWorks,
     "cores that poll, one worker each: a count takes the last cores, a list or range (`1, 4-6`) names them"},
    {"dataplane.rebalance", kBool, "yes", kWorks,
     "SAs move from workers that are busy to workers that are not, with no packet lost or overtaken; which is whose: "
     "`culvertctl workers`"},
    {"dataplane.hugepages", kText, "auto", kWorks, "`auto`, `no`, or the MiB to take"},
    {"dataplane.idle", kWord, "", kWorks,
     "what a worker without packets does; default `adaptive` where a port is virtual, else `poll`", 0, 0, "poll adaptive"},
    {"dataplane.default_policy", kWord, "forward", kWorks, "what happens to packets no policy matches", 0, 0, "forward drop"},
    {"dataplane.without_ike", kWord, "drop", kWorks,
     "what happens to packets until culvert-ike has sent the policies; `forward` for a plain router", 0, 0, "drop forward"},
    {"dataplane.mss", kText, "no", kWorks,
     "largest segment that TCP may offer through an SA, in both directions: `auto` for what its path takes, or octets; `no` "
     "leaves it alone"},
    {"dataplane.lab", kBool, "no", kWorks,
     "DANGEROUS: admits `sas` whose static keys RFC 4106 2 forbids, of GCM, GMAC, CCM, CTR and ChaCha20-Poly1305. Their nonces "
     "come again with every start: who listens can then read what was sent, and forge. For benchmarks, where nothing is at "
     "stake"},
    {"dataplane.ports", kSection, "", kWorks, "the ports, in the order of their numbers"},
    {"dataplane.ports.<port>", kSection, "", kWorks, "one port; its name has at most 15 characters"},
    {"dataplane.ports.<port>.device", kText, "", kWorks,
     "a PCI address, or a DPDK vdev with its arguments; required, but of a VLAN"},
    {"dataplane.ports.<port>.inline_ipsec", kWord, "auto", kWorks,
     "`auto`: SAs of this port's addresses are the device's, where it has rte_security and runs them; `no`: they are not; "
     "`software`: a stand-in on the worker does what such a device would, inline crypto and inline protocol, for labs without "
     "one",
     0, 0, "auto no software"},
    {"dataplane.ports.<port>.vlan", kInteger, "", kWorks,
     "VLAN ID: the port is a sub-interface of `parent`, which carries its frames tagged (802.1Q)", 1, 4094},
    {"dataplane.ports.<port>.parent", kText, "", kWorks,
     "the port a VLAN is of; required with it"},
    {"dataplane.ports.<port>.addrs", kPortAddresses, "", kWorks, "own addresses with their prefix lengths"},
    {"dataplane.ports.<port>.mtu", kInteger, "1500", kWorks,
     "largest IP packet in octets; of a VLAN the default is its parent's", 576, 9216},
    {"dataplane.ports.<port>.tap", kBool, "no", kWorks,
     "gives this machine's own programs the port's addresses, on a TAP interface of the port's name: what comes for them and "
     "is not the gateway's goes there, what is sent there obeys the policies"},
    {"dataplane.routes", kSection, "", kWorks, "static routes; a port's subnets need none"},
    {"dataplane.routes.<route>", kSection, "", kWorks, "one route"},
    {"dataplane.routes.<route>.to", kPrefix, "", kWorks, "destination prefix; required"},
    {"dataplane.routes.<route>.via", kAddress, "", kWorks, "next hop, in a subnet of a port or a tunnel"},
    {"dataplane.routes.<route>.port", kText, "", kWorks,
     "port of an on-link route, or tunnel; of one with `via` only where that is ambiguous"},
    {"dataplane.crypto_devices", kSection, "", kWorks,
     "crypto devices that packets of SAs are lent to (rte_cryptodev lookaside), the first that runs a suite before the others"},
    {"dataplane.crypto_devices.<crypto device>", kSection, "", kWorks, "one crypto device"},
    {"dataplane.crypto_devices.<crypto device>.device", kText, "", kWorks,
     "a PCI address (QAT and others), or a DPDK vdev with its arguments (crypto_aesni_mb, crypto_aesni_gcm, crypto_openssl); "
     "required"},
    {"dataplane.crypto_devices.<crypto device>.sessions", kInteger, "2048", kWorks,
     "how many it holds at most, one for each direction of an SA; further SAs are the processor's", 2, 262144},
    {"dataplane.crypto_devices.<crypto device>.lookaside_ipsec", kWord, "auto", kWorks,
     "`auto`: SAs are the device's as a whole, where it offers that (rte_security lookaside protocol) and runs them; `no`: it "
     "enciphers and deciphers, and no more; `software`: a stand-in on the worker does what such a device would, for labs "
     "without one",
     0, 0, "auto no software"},
    {"dataplane.tunnels", kSection, "", kWorks, "tunnel interfaces: children that are reached by routes"},
    {"dataplane.tunnels.<tunnel>", kSection, "", kWorks,
     "one tunnel interface; its name has at most 15 characters and is no port's. What is routed into it goes through the SAs "
     "of the children with its if_id_out, or nowhere"},
    {"dataplane.tunnels.<tunnel>.if_id", kInteger, "", kWorks, "the children's if_id it stands for; required", 1, kU32},
    {"dataplane.tunnels.<tunnel>.addrs", kPortAddresses, "", kWorks,
     "own addresses with their prefix lengths; the rest of each prefix is routed into the tunnel"},

    {"dataplane.sas", kSection, "", kWorks,
     "SAs with static keys that no IKE owns, for labs: from the start on, whatever culvert-ike does. What their selectors say "
     "is protected in both directions, as by a child, and dropped in a direction that has no SA. Forwarding "
     "opens as `without_ike` says. The file with the keys must not be for everybody to read"},
    {"dataplane.sas.<sa>", kSection, "", kWorks, "one SA, of one direction; its name has at most 31 characters"},
    {"dataplane.sas.<sa>.direction", kWord, "", kWorks, "seen from this gateway; required", 0, 0, "in out"},
    {"dataplane.sas.<sa>.spi", kInteger, "", kWorks,
     "its number, once in each direction; required. Where culvert-ike draws that of an inbound one, its own SA is refused", 256,
     kU32},
    {"dataplane.sas.<sa>.src", kAddress, "", kWorks, "outer source; required"},
    {"dataplane.sas.<sa>.dst", kAddress, "", kWorks, "outer destination; required"},
    {"dataplane.sas.<sa>.protocol", kWord, "esp", kWorks, "how packets are protected", 0, 0, "esp ah"},
    {"dataplane.sas.<sa>.mode", kWord, "tunnel", kWorks, "how packets are wrapped", 0, 0, "tunnel transport"},
    {"dataplane.sas.<sa>.suite", kText, "", kWorks,
     "one proposal as of `esp_proposals` or `ah_proposals`, such as `aes256-sha256-esn`, without key exchange; required. What "
     "counts its nonces only with `lab`"},
    {"dataplane.sas.<sa>.key", kSecret, "", kWorks,
     "0x and hexadecimal, as long as the suite demands: cipher key, salt (4 octets of GCM, GMAC, CTR and ChaCha20, 3 of CCM), "
     "integrity key, one behind the other, as RFC 7296 2.17 cuts keys; required"},
    {"dataplane.sas.<sa>.local_ts", kSelectors, "dynamic", kWorks,
     "what is protected on this side; `dynamic` is the SA's own end"},
    {"dataplane.sas.<sa>.remote_ts", kSelectors, "dynamic", kWorks, "what is protected on the peer's side, likewise"},
    {"dataplane.sas.<sa>.over", kText, "", kWorks,
     "ESP and AH on one packet: the name of an SA by AH, in transport mode between the same ends, that goes around this one's "
     "ESP, or has to have come around it. That AH is for nothing else then. Children have no such key: IKEv2 negotiates ESP or "
     "AH for a Child SA, never both (RFC 7296 1.3)"},
    {"dataplane.sas.<sa>.worker", kText, "auto", kWorks,
     "the worker that runs it, counted from 0; `auto`: that of its other direction, else the one with the fewest SAs"},
    {"dataplane.sas.<sa>.encap", kBool, "no", kWorks, "ESP in UDP (RFC 3948)"},
    {"dataplane.sas.<sa>.src_port", kInteger, "4500", kWorks, "UDP port of `src`, with `encap`", 1, kU16},
    {"dataplane.sas.<sa>.dst_port", kInteger, "4500", kWorks, "UDP port of `dst`, with `encap`; of what comes in 4500", 1,
     kU16},
    {"dataplane.sas.<sa>.replay_window", kInteger, "0", kWorks,
     "packets; 0: none, because a peer with a static key begins anew when it starts (RFC 4303 3.3.3). Inbound", 0, 65536},
    {"dataplane.sas.<sa>.tfc_padding", kText, "0", kWorks, "as a child's; outbound ESP in tunnel mode"},
    {"dataplane.sas.<sa>.dummy_packets", kInteger, "0", kWorks, "as a child's; outbound ESP", 0, 1000},
    {"dataplane.sas.<sa>.hw_offload", kWord, "auto", kWorks,
     "as a child's; where `crypto` or `packet` is more than any engine does for this SA, the gateway does not start. ESP", 0, 0,
     "auto no crypto packet"},
    {"dataplane.sas.<sa>.priority", kInteger, "0", kWorks,
     "as a child's; the same for all SAs of the same selectors, which share their policy", 0, kU32},
    {"dataplane.sas.<sa>.copy_df", kBool, "yes", kWorks, "as a child's"},
    {"dataplane.sas.<sa>.copy_ecn", kBool, "yes", kWorks, "as a child's"},
    {"dataplane.sas.<sa>.copy_dscp", kBool, "", kWorks,
     "copy DSCP to the outer header, or from it of what comes in; default `yes` outbound, `no` inbound"},
    {"dataplane.sas.<sa>.if_id", kInteger, "0", kWorks,
     "the tunnel of `tunnels` it belongs to, as a child's if_id_in and if_id_out", 0, kU32},
    {"dataplane.sas.<sa>.life_time", kTime, "0s", kWorks,
     "time from start at which it ends, and with it all traffic it protects; 0: never"},
    {"dataplane.sas.<sa>.life_bytes", kSize, "0", kWorks, "octets likewise"},
    {"dataplane.sas.<sa>.life_packets", kSize, "0", kWorks, "packets likewise"},
};

}  // namespace

std::span<const Key> DataplaneKeys() { return kKeys; }

}  // namespace culvert::config

#include "config/schema/keys.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "config/schema/keys_dataplane.h"

namespace culvert::config {
namespace {

using enum Type;
using enum Verdict;

constexpr uint64_t kU16 = 65535, kU32 = 0xffffffff;

constexpr std::string_view kProfiles = "default cnsa1 cnsa2 bsi 3gpp windows legacy";

constexpr Key kKeys[] = {
    // ---- control { }: Culvert's own ----
    {"control", kSection, "", kWorks, "the IKE process; usually includes swanctl.conf"},
    {"control.vici", kSection, "", kWorks, "the management interface"},
    {"control.vici.socket", kText, "", kWorks, "`unix:///path`; default vici.sock in the run directory"},
    {"control.user", kText, "culvert-ike", kWorks, "the user culvert-ike runs as once started"},
    {"control.on_stop", kWord, "keep", kWorks,
     "`delete`: SIGTERM deletes the SAs at the peers instead of leaving them to a successor", 0, 0, "keep delete"},
    {"control.profile", kWord, "default", kWorks, "the floor under the algorithms of connections that name no profile", 0, 0,
     kProfiles},
    {"control.radius", kSection, "", kWorks, "RADIUS, for `auth = xauth-radius`; as charon's plugins.eap-radius"},
    {"control.radius.nas_identifier", kText, "culvert", kWorks, "what the gateway calls itself"},
    {"control.radius.retransmit_timeout", kFraction, "2.0", kWorks, "seconds before the first retransmission", 0, 60},
    {"control.radius.retransmit_base", kFraction, "1.4", kWorks, "each wait is the one before times this", 1, 10},
    {"control.radius.retransmit_tries", kInteger, "4", kWorks, "packets to send before the next server is asked", 1, 10},
    {"control.radius.accounting", kBool, "no", kNotYet, "tell the server when users come and go"},
    {"control.radius.class_group", kBool, "no", kNotYetRefused, "take the Class attribute for the peer's groups"},
    {"control.radius.dae", kOpenSection, "", kNotYetRefused, "requests of the server to disconnect users (RFC 5176)"},
    {"control.radius.eap_start", kBool, "no", kNotYet, "EAP-Start instead of an EAP-Identity"},
    {"control.radius.filter_id", kBool, "no", kNotYetRefused, "take the Filter-Id attribute for the peer's groups"},
    {"control.radius.forward", kOpenSection, "", kNotYet, "attributes handed on between peer and server"},
    {"control.radius.servers", kSection, "", kWorks, "the servers; the next is asked where one does not answer"},
    {"control.radius.servers.<server>", kSection, "", kWorks, "one server"},
    {"control.radius.servers.<server>.address", kAddress, "", kWorks, "its address; required"},
    {"control.radius.servers.<server>.secret", kSecret, "", kWorks, "the secret shared with it, as of ike; required"},
    {"control.radius.servers.<server>.auth_port", kInteger, "1812", kWorks, "its port for authentication", 1, kU16},
    {"control.radius.servers.<server>.acct_port", kInteger, "1813", kNotYet, "its port for accounting", 1, kU16},
    {"control.radius.servers.<server>.nas_identifier", kText, "", kWorks, "what the gateway calls itself towards it"},
    {"control.radius.servers.<server>.preference", kInteger, "0", kWorks, "the highest is asked first", 0, kU16},
    {"control.radius.servers.<server>.retransmit_timeout", kFraction, "", kWorks, "as of radius", 0, 60},
    {"control.radius.servers.<server>.retransmit_base", kFraction, "", kWorks, "as of radius", 1, 10},
    {"control.radius.servers.<server>.retransmit_tries", kInteger, "", kWorks, "as of radius", 1, 10},
    {"control.radius.servers.<server>.sockets", kInteger, "1", kNoMeaning, "every request has a socket of its own", 1, 256},
    {"control.half_open_cap", kInteger, "50000", kWorks, "half-open IKE SAs in all", 16, 1000000},

    // ---- control { }: charon's settings, by its names and units ----
    {"control.retransmit_timeout", kFraction, "1.0", kWorks, "seconds before the first retransmission", 0, 3600},
    {"control.retransmit_base", kFraction, "1.8", kWorks, "each wait is the one before times this", 1, 10},
    {"control.retransmit_limit", kFraction, "10", kWorks, "longest wait in seconds; 0: none", 0, 86400},
    {"control.retransmit_jitter", kInteger, "20", kWorks, "percent by which a wait is shortened at random", 0, 20},
    {"control.retransmit_tries", kInteger, "7", kWorks, "retransmissions before giving up", 1, 100},
    {"control.cookie_threshold", kInteger, "5000", kWorks, "half-open IKE SAs in all from which cookies are demanded", 0,
     1000000},
    {"control.cookie_threshold_ip", kInteger, "3", kWorks, "the same from one source", 0, 1000000},
    {"control.block_threshold", kInteger, "16", kWorks, "half-open IKE SAs from one source at which it has to wait", 1,
     1000000},
    {"control.half_open_timeout", kInteger, "30", kWorks, "seconds a half-open IKE SA lives", 1, 3600},
    {"control.keep_alive", kTime, "20s", kWorks, "NAT keepalive interval; 0: none"},
    {"control.delete_rekeyed_delay", kInteger, "5", kWorks, "seconds the inbound half of a rekeyed child stays", 1, 3600},
    {"control.accept_private_algs", kBool, "no", kRefused, "private algorithm numbers have no agreed meaning"},
    {"control.accept_unencrypted_mainmode_messages", kBool, "no", kRefused, "gives the identities and a crackable hash away"},
    {"control.cache_crls", kBool, "no", kNotYet, "keep fetched CRLs on disk"},
    {"control.cert_cache", kBool, "yes", kNoMeaning, "certificate look-ups are always cached"},
    {"control.check_current_path", kBool, "no", kNotYet, "probe the path with liveness checks when MOBIKE sees changes"},
    {"control.cisco_flexvpn", kBool, "no", kNotYet, "send Cisco's FlexVPN vendor id"},
    {"control.cisco_unity", kBool, "no", kWorks, "IKEv1: send Cisco's Unity vendor id"},
    {"control.close_ike_on_child_failure", kBool, "no", kNotYet, "close the IKE SA whose first child failed"},
    {"control.crypto_test", kOpenSection, "", kNoMeaning, "self-tests always run at start"},
    {"control.delete_rekeyed", kBool, "no", kNotYet, "IKEv1: delete rekeyed children at once"},
    {"control.dh_exponent_ansi_x9_42", kBool, "yes", kNoMeaning, "OpenSSL chooses the exponents"},
    {"control.dlopen_use_rtld_now", kBool, "no", kNoMeaning, "there are no plugins"},
    {"control.dns1", kAddress, "", kWorks, "DNS server for clients of any pool"},
    {"control.dns2", kAddress, "", kWorks, "DNS server for clients of any pool"},
    {"control.dos_protection", kBool, "yes", kRefused,
     "cookies and limits cannot be switched off, only moved: see cookie_threshold and block_threshold"},
    {"control.filelog", kOpenSection, "", kNoMeaning, "logs go to stderr, which systemd hands to the journal"},
    {"control.flush_auth_cfg", kBool, "no", kNoMeaning, "nothing of the authentication is kept"},
    {"control.follow_redirects", kBool, "yes", kNotYet, "IKEv2 redirects"},
    {"control.force_eap_only_authentication", kBool, "no", kRefused,
     "EAP-only authentication is for peers that ask for it (RFC 5998)"},
    {"control.fragment_size", kInteger, "1280", kWorks, "largest IP datagram of an IKE fragment; 0: what every path carries", 0,
     kU16},
    {"control.fragment_size_v4", kInteger, "", kWorks, "the same for IPv4", 0, kU16},
    {"control.fragment_size_v6", kInteger, "", kWorks, "the same for IPv6", 0, kU16},
    {"control.group", kText, "", kNoMeaning, "the group is the user's own"},
    {"control.hash_and_url", kBool, "no", kNotYet, "fetch certificates by hash and URL"},
    {"control.host_resolver", kOpenSection, "", kNoMeaning, "host names are looked up by the helper threads"},
    {"control.i_dont_care_about_security_and_use_aggressive_mode_psk", kBool, "no", kWorks,
     "admits connections with `aggressive = yes` and a pre-shared key: whoever sees the exchange has a hash to search offline"},
    {"control.ignore_acquire_ts", kBool, "no", kNotYet, "leave the triggering packet out of the offered selectors"},
    {"control.ignore_routing_tables", kText, "", kNoMeaning, "the kernel's routes are not used"},
    {"control.ikesa_limit", kInteger, "0", kNotYetRefused, "IKE SAs at once; 0: no limit", 0, kU32},
    {"control.ikesa_table_segments", kInteger, "1", kNoMeaning, "the table grows by itself", 0, kU32},
    {"control.ikesa_table_size", kInteger, "1", kNoMeaning, "the table grows by itself", 0, kU32},
    {"control.inactivity_close_ike", kBool, "no", kNotYet, "close an IKE SA with its last inactive child"},
    {"control.init_limit_half_open", kInteger, "0", kNoMeaning, "half_open_cap and block_threshold limit new connections", 0,
     kU32},
    {"control.init_limit_job_load", kInteger, "0", kNoMeaning, "half_open_cap and block_threshold limit new connections", 0,
     kU32},
    {"control.initiator_only", kBool, "no", kNotYetRefused, "answer no peer's initiation"},
    {"control.install_routes", kBool, "yes", kNoMeaning, "protected packets need no route"},
    {"control.install_virtual_ip", kBool, "yes", kNoMeaning, "a virtual address becomes the gateway's own"},
    {"control.install_virtual_ip_on", kText, "", kNoMeaning, "a virtual address becomes the gateway's own"},
    {"control.integrity_test", kBool, "no", kNoMeaning, "self-tests always run at start"},
    {"control.interfaces_ignore", kList, "", kNoMeaning, "the ports are those of dataplane"},
    {"control.interfaces_use", kList, "", kNoMeaning, "the ports are those of dataplane"},
    {"control.keep_alive_dpd_margin", kTime, "0s", kNotYet, "a liveness check instead of a keepalive after a sleep"},
    {"control.leak_detective", kOpenSection, "", kNoMeaning, "there is no leak detective"},
    {"control.load", kText, "", kNoMeaning, "there are no plugins"},
    {"control.load_modular", kBool, "no", kNoMeaning, "there are no plugins"},
    {"control.make_before_break", kBool, "yes", kNoMeaning, "reauthentication always overlaps"},
    {"control.max_ikev1_exchanges", kInteger, "3", kNotYet, "IKEv1 exchanges at once per IKE SA", 0, kU32},
    {"control.max_packet", kInteger, "10000", kNoMeaning, "the limit is the UDP datagram's own", 0, kU32},
    {"control.multiple_authentication", kBool, "yes", kNotYet, "RFC 4739 authentication rounds"},
    {"control.nbns1", kAddress, "", kWorks, "WINS server for clients of any pool"},
    {"control.nbns2", kAddress, "", kWorks, "WINS server for clients of any pool"},
    {"control.ocsp_nonce_len", kInteger, "32", kNotYet, "octets of an OCSP request's nonce", 0, 32},
    {"control.plugins", kOpenSection, "", kNoMeaning, "there are no plugins"},
    {"control.port", kInteger, "500", kRefused, "the gateway's IKE port is 500", 0, kU16},
    {"control.port_nat_t", kInteger, "4500", kRefused, "the gateway's NAT traversal port is 4500", 0, kU16},
    {"control.prefer_best_path", kBool, "no", kNotYet, "move MOBIKE SAs to the cheapest path"},
    {"control.prefer_configured_proposals", kBool, "yes", kNotYet, "`no`: the peer's order of proposals decides"},
    {"control.prefer_temporary_addrs", kBool, "no", kNoMeaning, "a gateway's addresses are static"},
    {"control.process_route", kBool, "yes", kNoMeaning, "the kernel's routes are not used"},
    {"control.processor", kOpenSection, "", kNoMeaning, "the helper threads manage themselves"},
    {"control.rdn_matching", kWord, "strict", kNotYetRefused, "how the parts of a DN compare", 0, 0,
     "strict reordered relaxed"},
    {"control.receive_delay", kInteger, "0", kNoMeaning, "charon's test hook", 0, kU32},
    {"control.receive_delay_request", kBool, "yes", kNoMeaning, "charon's test hook"},
    {"control.receive_delay_response", kBool, "yes", kNoMeaning, "charon's test hook"},
    {"control.receive_delay_type", kInteger, "0", kNoMeaning, "charon's test hook", 0, kU32},
    {"control.reject_trusted_end_entity", kBool, "no", kNotYetRefused,
     "refuse certificates that are trusted only by themselves"},
    {"control.replay_window", kInteger, "1024", kNotYet, "default of the children's replay_window", 0, kU32},
    {"control.reqid_base", kInteger, "1", kNoMeaning, "numbers for the kernel's policies", 0, kU32},
    {"control.retry_initiate_interval", kTime, "0s", kWorks,
     "wait before a host name that led nowhere is asked for again; 0: 5 s, doubled up to 5 minutes"},
    {"control.reuse_ikesa", kBool, "yes", kNotYet, "`no`: an IKE SA of its own for every child"},
    {"control.routing_table", kText, "", kNoMeaning, "the kernel's routes are not used"},
    {"control.routing_table_prio", kText, "", kNoMeaning, "the kernel's routes are not used"},
    {"control.rsa_pss", kBool, "no", kNotYet, "sign with RSASSA-PSS"},
    {"control.rsa_pss_trailerfield", kBool, "no", kNotYet, "how PSS parameters are written"},
    {"control.send_delay", kInteger, "0", kNoMeaning, "charon's test hook", 0, kU32},
    {"control.send_delay_request", kBool, "yes", kNoMeaning, "charon's test hook"},
    {"control.send_delay_response", kBool, "yes", kNoMeaning, "charon's test hook"},
    {"control.send_delay_type", kInteger, "0", kNoMeaning, "charon's test hook", 0, kU32},
    {"control.send_vendor_id", kBool, "no", kNoMeaning, "there is no vendor id to send"},
    {"control.signature_authentication", kBool, "yes", kNotYet, "RFC 7427 signatures"},
    {"control.signature_authentication_constraints", kBool, "yes", kNotYetRefused,
     "hold IKE signatures to the constraints on the chain"},
    {"control.spi_label", kText, "0x0000000000000000", kNoMeaning, "SPIs carry the gateway's own bits"},
    {"control.spi_mask", kText, "0x0000000000000000", kNoMeaning, "SPIs carry the gateway's own bits"},
    {"control.spi_max", kText, "0xcfffffff", kNoMeaning, "SPIs carry the gateway's own bits"},
    {"control.spi_min", kText, "0xc0000000", kNoMeaning, "SPIs carry the gateway's own bits"},
    {"control.start-scripts", kOpenSection, "", kNoMeaning, "the daemon starts no scripts; use systemd's ExecStartPost"},
    {"control.stop-scripts", kOpenSection, "", kNoMeaning, "the daemon starts no scripts; use systemd's ExecStop"},
    {"control.syslog", kOpenSection, "", kNoMeaning, "logs go to stderr, which systemd hands to the journal"},
    {"control.threads", kInteger, "16", kNoMeaning, "the helper threads manage themselves", 0, kU32},
    {"control.tls", kOpenSection, "", kNotYet, "TLS settings of EAP methods"},
    {"control.tnc", kOpenSection, "", kNoMeaning, "there is no Trusted Network Connect"},
    {"control.imcv", kOpenSection, "", kNoMeaning, "there is no Trusted Network Connect"},
    {"control.x509", kOpenSection, "", kNotYetRefused, "how strictly certificate extensions are read"},

    // ---- connections ----
    {"connections", kSection, "", kWorks, "IKE connections"},
    {"connections.<conn>", kSection, "", kWorks, "one connection"},
    {"connections.<conn>.version", kWord, "2", kWorks, "IKE version; 0 calls by IKEv2 and answers both", 0, 0, "0 1 2"},
    {"connections.<conn>.profile", kWord, "", kWorks,
     "the floor under this connection's algorithms, and what `default` stands for; else control.profile", 0, 0, kProfiles},
    {"connections.<conn>.local_addrs", kPeerAddresses, "%any", kWorks,
     "own addresses, subnets or ranges; `%any`: every address of every port"},
    {"connections.<conn>.remote_addrs", kPeerAddresses, "%any", kWorks,
     "the peer's addresses and host names, tried in turn; a host name admits every caller, subnets and ranges those inside"},
    {"connections.<conn>.local_port", kInteger, "500", kWorks, "own IKE port, 500 or 4500", 500, 4500},
    {"connections.<conn>.remote_port", kInteger, "500", kWorks, "the peer's IKE port", 1, kU16},
    {"connections.<conn>.proposals", kIkeProposals, "default", kWorks, "IKE proposals"},
    {"connections.<conn>.vips", kList, "", kWorks,
     "inner addresses to ask for; `0.0.0.0` and `::`: whichever there is. What is lent is for a host behind the gateway"},
    {"connections.<conn>.aggressive", kBool, "no", kWorks,
     "IKEv1 aggressive mode; the peers' names go in clear, and with a pre-shared key a hash to search offline"},
    {"connections.<conn>.pull", kBool, "yes", kWorks,
     "IKEv1 mode config: the client asks; `no`: the gateway with the pools tells"},
    {"connections.<conn>.dscp", kText, "000000", kNotYet, "code point of outgoing IKE packets, six binary digits"},
    {"connections.<conn>.encap", kBool, "no", kWorks, "force UDP encapsulation by a false NAT detection hash"},
    {"connections.<conn>.mobike", kBool, "yes", kWorks, "MOBIKE (RFC 4555); of own addresses those that local_addrs admits"},
    {"connections.<conn>.dpd_delay", kTime, "0s", kWorks, "silence after which the peer's liveness is checked; 0: never"},
    {"connections.<conn>.dpd_timeout", kTime, "0s", kWorks,
     "IKEv1: silence after which the peer is taken for dead; 0: 150s. IKEv2 gives up after its retransmissions"},
    {"connections.<conn>.fragmentation", kWord, "yes", kWorks,
     "RFC 7383 fragments; `accept` takes and does not send them. IKEv1's own, which nothing authenticates, only under "
     "`legacy` and by `force`, which sends them unasked", 0, 0,
     "yes accept force no"},
    {"connections.<conn>.childless", kWord, "allow", kWorks,
     "an IKE SA without a child in IKE_AUTH (RFC 6023), children following in exchanges of their own: `allow` takes it, "
     "`prefer` also begins so where the peer takes it, `force` allows nothing else, `never` takes none", 0, 0,
     "allow prefer force never"},
    {"connections.<conn>.send_certreq", kBool, "yes", kWorks, "ask the peer for certificates of the known authorities"},
    {"connections.<conn>.send_cert", kWord, "ifasked", kWorks, "when the own certificate is sent", 0, 0,
     "always never ifasked"},
    {"connections.<conn>.ocsp", kWord, "reply", kWorks,
     "OCSP responses inside IKE (RFC 4806): ask the peer for one about its certificate, send one about the own to a peer that"
     " asks",
     0, 0, "reply request both never"},
    {"connections.<conn>.ppk_id", kText, "", kWorks,
     "which post-quantum pre-shared key of `secrets` to call with (RFC 8784), and the only one to admit; none: calls use none,"
     " and callers any; `opaque:` in front makes its PPK_ID of type 1, otherwise it is of type 2"},
    {"connections.<conn>.ppk_required", kBool, "no", kWorks,
     "refuse peers that use no such key; `no` goes on without, and says so in the log"},
    {"connections.<conn>.keyingtries", kInteger, "1", kWorks, "rounds of retransmissions on initiating; 0: for ever", 0,
     1000000},
    {"connections.<conn>.unique", kWord, "no", kWorks, "what becomes of an older IKE SA with the same peer identity", 0, 0,
     "no never keep replace"},
    {"connections.<conn>.reauth_time", kTime, "0s", kWorks,
     "time to authenticate again from scratch, less a random part of rand_time; a called peer tells its caller (RFC 4478)"},
    {"connections.<conn>.rekey_time", kTime, "4h", kWorks,
     "time to rekey the IKE SA, less a random part of rand_time; 0: never"},
    {"connections.<conn>.over_time", kTime, "", kWorks,
     "time after that at which the IKE SA is closed; default 10 % of rekey_time, or of reauth_time where that is longer"},
    {"connections.<conn>.rand_time", kTime, "", kWorks, "default: over_time"},
    {"connections.<conn>.pools", kList, "", kWorks,
     "pools to lease virtual addresses from, the first that has one; `radius`: what the RADIUS server says"},
    {"connections.<conn>.if_id_in", kInteger, "0", kWorks, "if_id_in of children that say none", 0, kU32},
    {"connections.<conn>.if_id_out", kInteger, "0", kWorks, "if_id_out of children that say none", 0, kU32},
    {"connections.<conn>.mediation", kBool, "no", kRefused, "the mediation extension does not exist here"},
    {"connections.<conn>.mediated_by", kText, "", kRefused, "the mediation extension does not exist here"},
    {"connections.<conn>.mediation_peer", kText, "", kRefused, "the mediation extension does not exist here"},

    // ---- authentication rounds ----
    {"connections.<conn>.local<suffix>", kSection, "", kWorks, "how the gateway authenticates itself"},
    {"connections.<conn>.local<suffix>.round", kInteger, "0", kWorks, "order among several rounds", 0, 255},
    {"connections.<conn>.local<suffix>.auth", kText, "pubkey", kWorks,
     "`psk`, `pubkey`, `rsa`, `rsa/pss`, `ecdsa`, `ed25519`, `ed448` or `eddsa`, the latter with least bits and hashes: "
     "`ecdsa-256-sha256`; with `ike:` in front the hashes bind AUTH alone and not the certificates; `xauth`, "
     "`xauth-generic`, IKEv1's, tells a password after that"},
    {"connections.<conn>.local<suffix>.id", kText, "", kWorks,
     "own identity; default: the certificate's subject, with a pre-shared key the own address"},
    {"connections.<conn>.local<suffix>.certs", kList, "", kWorks,
     "certificates to choose from, in x509/; default: all there that have a key and fit"},
    {"connections.<conn>.local<suffix>.cert<suffix>", kSection, "", kWorks, "a certificate to choose from"},
    {"connections.<conn>.local<suffix>.cert<suffix>.file", kText, "", kWorks, "its absolute path"},
    {"connections.<conn>.local<suffix>.cert<suffix>.handle", kText, "", kNotYetRefused, "its CKA_ID on a token"},
    {"connections.<conn>.local<suffix>.cert<suffix>.slot", kInteger, "", kNotYetRefused, "the token's slot", 0, kU32},
    {"connections.<conn>.local<suffix>.cert<suffix>.module", kText, "", kNotYetRefused, "the token's PKCS#11 module"},
    {"connections.<conn>.local<suffix>.pubkeys", kList, "", kNotYet, "raw public keys; a pre-shared key needs none"},
    {"connections.<conn>.local<suffix>.eap_id", kText, "", kNotYet, "EAP identity"},
    {"connections.<conn>.local<suffix>.aaa_id", kText, "", kNotYet, "identity of the EAP server"},
    {"connections.<conn>.local<suffix>.xauth_id", kText, "", kWorks, "the user's name for XAUTH; default: id"},
    {"connections.<conn>.remote<suffix>", kSection, "", kWorks, "how the peer must authenticate"},
    {"connections.<conn>.remote<suffix>.round", kInteger, "0", kWorks, "order among several rounds", 0, 255},
    {"connections.<conn>.remote<suffix>.auth", kText, "pubkey", kWorks,
     "`psk`, `pubkey`, `rsa`, `rsa/pss`, `ecdsa`, `ed25519`, `ed448` or `eddsa`, the latter with least bits and hashes: "
     "`ecdsa-256-sha256`; with `ike:` in front the hashes bind AUTH alone and not the certificates; `xauth`, "
     "`xauth-generic` and `xauth-radius`, IKEv1's, ask for a password after that"},
    {"connections.<conn>.remote<suffix>.id", kText, "%any", kWorks, "the identity the peer must prove"},
    {"connections.<conn>.remote<suffix>.eap_id", kText, "", kNotYetRefused, "the EAP identity the peer must have"},
    {"connections.<conn>.remote<suffix>.groups", kList, "", kNotYetRefused, "groups the peer must belong to"},
    {"connections.<conn>.remote<suffix>.cert_policy", kList, "", kNotYetRefused, "policies the peer's certificate must have"},
    {"connections.<conn>.remote<suffix>.certs", kList, "", kWorks,
     "the certificates to accept, in x509/, whoever issued them; default: any of an accepted authority"},
    {"connections.<conn>.remote<suffix>.cert<suffix>", kSection, "", kWorks, "a certificate to accept"},
    {"connections.<conn>.remote<suffix>.cert<suffix>.file", kText, "", kWorks, "its absolute path"},
    {"connections.<conn>.remote<suffix>.cert<suffix>.handle", kText, "", kNotYetRefused, "its CKA_ID on a token"},
    {"connections.<conn>.remote<suffix>.cert<suffix>.slot", kInteger, "", kNotYetRefused, "the token's slot", 0, kU32},
    {"connections.<conn>.remote<suffix>.cert<suffix>.module", kText, "", kNotYetRefused, "the token's PKCS#11 module"},
    {"connections.<conn>.remote<suffix>.cacerts", kList, "", kWorks,
     "authorities to accept, in x509ca/, root or intermediate; default: all there"},
    {"connections.<conn>.remote<suffix>.cacert<suffix>", kSection, "", kWorks, "an authority to accept"},
    {"connections.<conn>.remote<suffix>.cacert<suffix>.file", kText, "", kWorks, "its absolute path"},
    {"connections.<conn>.remote<suffix>.cacert<suffix>.handle", kText, "", kNotYetRefused, "its CKA_ID on a token"},
    {"connections.<conn>.remote<suffix>.cacert<suffix>.slot", kInteger, "", kNotYetRefused, "the token's slot", 0, kU32},
    {"connections.<conn>.remote<suffix>.cacert<suffix>.module", kText, "", kNotYetRefused, "the token's PKCS#11 module"},
    {"connections.<conn>.remote<suffix>.ca_id", kText, "", kNotYetRefused, "identity of the authority to accept"},
    {"connections.<conn>.remote<suffix>.pubkeys", kList, "", kNotYetRefused, "raw public keys to accept"},
    {"connections.<conn>.remote<suffix>.revocation", kWord, "relaxed", kWorks,
     "what it means that neither OCSP nor a CRL, fetched or in x509crl/, tells: `relaxed` nothing, `ifuri` refusal where the"
     " certificate names a CRL or OCSP responder, `strict` refusal",
     0, 0, "relaxed ifuri strict"},

    // ---- children ----
    {"connections.<conn>.children", kSection, "", kWorks, "the connection's Child SAs"},
    {"connections.<conn>.children.<child>", kSection, "", kWorks, "one Child SA"},
    {"connections.<conn>.children.<child>.esp_proposals", kEspProposals, "default", kWorks,
     "ESP proposals; with ah_proposals alone there are none, beside ah_proposals they come first"},
    {"connections.<conn>.children.<child>.ah_proposals", kAhProposals, "", kWorks,
     "AH proposals: integrity without encryption (AES-GMAC too, by IKEv2), and never through a NAT"},
    {"connections.<conn>.children.<child>.sha256_96", kBool, "no", kNotYetRefused,
     "HMAC-SHA-256 cut to 96 bits, for old peers"},
    {"connections.<conn>.children.<child>.local_ts", kSelectors, "dynamic", kWorks, "what is protected on this side"},
    {"connections.<conn>.children.<child>.remote_ts", kSelectors, "dynamic", kWorks, "what is protected on the peer's side"},
    {"connections.<conn>.children.<child>.rekey_time", kTime, "1h", kWorks,
     "time to rekey, less a random part of rand_time; 0: never; default with life_time alone: life_time / 1.1"},
    {"connections.<conn>.children.<child>.life_time", kTime, "", kWorks,
     "time at which the SA ends; default rekey_time + 10 %"},
    {"connections.<conn>.children.<child>.rand_time", kTime, "", kWorks, "default: life_time - rekey_time"},
    {"connections.<conn>.children.<child>.rekey_bytes", kSize, "0", kWorks, "octets after which to rekey; 0: never"},
    {"connections.<conn>.children.<child>.life_bytes", kSize, "", kWorks,
     "octets at which the SA ends; default rekey_bytes + 10 %"},
    {"connections.<conn>.children.<child>.rand_bytes", kSize, "", kWorks, "default: life_bytes - rekey_bytes"},
    {"connections.<conn>.children.<child>.rekey_packets", kSize, "0", kWorks, "packets after which to rekey; 0: never"},
    {"connections.<conn>.children.<child>.life_packets", kSize, "", kWorks,
     "packets at which the SA ends; default rekey_packets + 10 %"},
    {"connections.<conn>.children.<child>.rand_packets", kSize, "", kWorks, "default: life_packets - rekey_packets"},
    {"connections.<conn>.children.<child>.updown", kText, "", kNotYet, "program to run when the child comes up or goes down"},
    {"connections.<conn>.children.<child>.hostaccess", kBool, "no", kNoMeaning, "a variable for firewall scripts of the host"},
    {"connections.<conn>.children.<child>.mode", kWord, "tunnel", kWorks,
     "how packets are wrapped. `transport` protects what the two ends of the SA say to each other, of the selectors what lies"
     " at their addresses; neither side falls back to a tunnel. `pass` and `drop` negotiate nothing: from load to unload,"
     " whatever start_action, such packets pass in clear, or are dropped; there `dynamic` is every address",
     0, 0,
     "tunnel transport transport_proxy beet iptfs pass drop"},
    {"connections.<conn>.children.<child>.policies", kBool, "yes", kWorks,
     "`no`: the child protects nothing by itself. Its SAs are negotiated and open what the peer sends; nothing is sent through "
     "them"},
    {"connections.<conn>.children.<child>.policies_fwd_out", kBool, "no", kNoMeaning, "a policy type of the Linux kernel"},
    {"connections.<conn>.children.<child>.dpd_action", kWord, "clear", kWorks, "what happens when the peer is found dead", 0, 0,
     "clear none trap restart"},
    {"connections.<conn>.children.<child>.ipcomp", kBool, "no", kNoMeaning,
     "compression is accepted here but never negotiated"},
    {"connections.<conn>.children.<child>.inactivity", kTime, "0s", kNotYet,
     "time without packets after which the child is closed"},
    {"connections.<conn>.children.<child>.reqid", kInteger, "0", kNoMeaning,
     "a number of the kernel's policies; replies show a stable one", 0, kU32},
    {"connections.<conn>.children.<child>.priority", kInteger, "0", kWorks,
     "fixed rank of the policies, the lowest is looked at first; 0: `pass` (200000), then what protects (400000), then `drop` "
     "(600000). Within a rank the most specific one",
     0, kU32},
    {"connections.<conn>.children.<child>.interface", kText, "", kNotYetRefused, "port the policies are restricted to"},
    {"connections.<conn>.children.<child>.mark_in", kText, "0/0x00000000", kRefused,
     "netfilter marks do not exist here; use if_id_in and a tunnel interface"},
    {"connections.<conn>.children.<child>.mark_in_sa", kBool, "no", kRefused,
     "netfilter marks do not exist here; use if_id_in and a tunnel interface"},
    {"connections.<conn>.children.<child>.mark_out", kText, "0/0x00000000", kRefused,
     "netfilter marks do not exist here; use if_id_out and a tunnel interface"},
    {"connections.<conn>.children.<child>.set_mark_in", kText, "0/0x00000000", kRefused,
     "netfilter marks do not exist here; use if_id_in and a tunnel interface"},
    {"connections.<conn>.children.<child>.set_mark_out", kText, "0/0x00000000", kRefused,
     "netfilter marks do not exist here; use if_id_out and a tunnel interface"},
    {"connections.<conn>.children.<child>.if_id_in", kInteger, "0", kWorks,
     "the tunnel of `dataplane { tunnels { } }` whose routes lead back to what comes in: in clear it may not come", 0, kU32},
    {"connections.<conn>.children.<child>.if_id_out", kInteger, "0", kWorks,
     "the tunnel of `dataplane { tunnels { } }` by whose routes the child is reached, and by nothing else", 0, kU32},
    {"connections.<conn>.children.<child>.label", kText, "", kRefused,
     "SELinux labels do not exist here; use traffic selectors"},
    {"connections.<conn>.children.<child>.label_mode", kWord, "system", kRefused,
     "SELinux labels do not exist here; use traffic selectors", 0, 0, "system simple selinux"},
    {"connections.<conn>.children.<child>.tfc_padding", kText, "0", kWorks,
     "pad packets inside ESP tunnels to this size, or to `mtu`, unless the peer says it does not take them so"},
    {"connections.<conn>.children.<child>.dummy_packets", kInteger, "0", kWorks,
     "packets of no meaning that ESP sends a second (RFC 4303 2.6), at uneven times, as long as tfc_padding says or as chance "
     "does; every receiver ends them in silence",
     0, 1000},
    {"connections.<conn>.children.<child>.replay_window", kInteger, "1024", kWorks,
     "packets; raised to the next power of two, at least 64", 1, 65536},
    {"connections.<conn>.children.<child>.hw_offload", kWord, "auto", kWorks,
     "which engine runs the SA: `auto` the port, then a crypto device, either as a whole or its cryptography, else the "
     "processor; `no` the processor; `crypto` the cryptography of the port or of a crypto device, or the child fails; `packet` "
     "one of them as a whole, or the child fails",
     0, 0, "auto no crypto packet"},
    {"connections.<conn>.children.<child>.per_cpu_sas", kWord, "no", kNotYet, "RFC 9611: an SA per core", 0, 0, "no yes encap"},
    {"connections.<conn>.children.<child>.copy_df", kBool, "yes", kWorks,
     "copy DF to an outer IPv4 header; `no`: never set there, and what is too long for the path goes sealed and in fragments"},
    {"connections.<conn>.children.<child>.copy_ecn", kBool, "yes", kWorks, "copy ECN to and from the outer header"},
    {"connections.<conn>.children.<child>.copy_dscp", kWord, "out", kWorks, "copy DSCP to or from the outer header", 0, 0,
     "out in yes no"},
    {"connections.<conn>.children.<child>.start_action", kWord, "none", kWorks, "what to do once loaded", 0, 0,
     "none trap start trap|start start|trap"},
    {"connections.<conn>.children.<child>.close_action", kWord, "none", kWorks, "what to do when the peer closes the child", 0,
     0, "none trap start"},

    // ---- secrets ----
    {"secrets", kSection, "", kWorks, "keys shared with peers; in files others cannot read"},
    {"secrets.ike<suffix>", kSection, "", kWorks, "a pre-shared key"},
    {"secrets.ike<suffix>.secret", kSecret, "", kWorks, "text, 0x and hexadecimal, or 0s and base64; required"},
    {"secrets.ike<suffix>.id<suffix>", kText, "", kWorks, "an identity the key belongs to; none: any"},
    {"secrets.eap<suffix>", kSection, "", kWorks, "a user's password, for XAUTH"},
    {"secrets.eap<suffix>.secret", kSecret, "", kWorks, "as of ike"},
    {"secrets.eap<suffix>.id<suffix>", kText, "", kWorks, "a user it belongs to; none: any"},
    {"secrets.xauth<suffix>", kSection, "", kWorks, "the same"},
    {"secrets.xauth<suffix>.secret", kSecret, "", kWorks, "as of ike"},
    {"secrets.xauth<suffix>.id<suffix>", kText, "", kWorks, "as of eap"},
    {"secrets.ntlm<suffix>", kSection, "", kNotYet, "the NT hash of an EAP-MSCHAPv2 password"},
    {"secrets.ntlm<suffix>.secret", kSecret, "", kWorks, "as of ike"},
    {"secrets.ntlm<suffix>.id<suffix>", kText, "", kWorks, "as of ike"},
    {"secrets.ppk<suffix>", kSection, "", kWorks, "a post-quantum pre-shared key (RFC 8784)"},
    {"secrets.ppk<suffix>.secret", kSecret, "", kWorks, "as of ike; 32 octets at least, and random"},
    {"secrets.ppk<suffix>.id<suffix>", kText, "", kWorks,
     "a PPK_ID it goes by, spelled as ppk_id; none: every one that no other has"},
    {"secrets.private<suffix>", kSection, "", kWorks, "passphrase of a key in private/"},
    {"secrets.private<suffix>.file", kText, "", kWorks, "the key's file"},
    {"secrets.private<suffix>.secret", kSecret, "", kWorks, "the passphrase"},
    {"secrets.rsa<suffix>", kSection, "", kWorks, "passphrase of a key in rsa/"},
    {"secrets.rsa<suffix>.file", kText, "", kWorks, "the key's file"},
    {"secrets.rsa<suffix>.secret", kSecret, "", kWorks, "the passphrase"},
    {"secrets.ecdsa<suffix>", kSection, "", kWorks, "passphrase of a key in ecdsa/"},
    {"secrets.ecdsa<suffix>.file", kText, "", kWorks, "the key's file"},
    {"secrets.ecdsa<suffix>.secret", kSecret, "", kWorks, "the passphrase"},
    {"secrets.pkcs8<suffix>", kSection, "", kWorks, "passphrase of a key in pkcs8/"},
    {"secrets.pkcs8<suffix>.file", kText, "", kWorks, "the key's file"},
    {"secrets.pkcs8<suffix>.secret", kSecret, "", kWorks, "the passphrase"},
    {"secrets.pkcs12<suffix>", kSection, "", kWorks, "passphrase of a container in pkcs12/"},
    {"secrets.pkcs12<suffix>.file", kText, "", kWorks, "the container's file"},
    {"secrets.pkcs12<suffix>.secret", kSecret, "", kWorks, "the passphrase"},
    {"secrets.token<suffix>", kSection, "", kNotYet, "a key on a token"},
    {"secrets.token<suffix>.handle", kText, "", kWorks, "its CKA_ID in hexadecimal"},
    {"secrets.token<suffix>.slot", kInteger, "", kWorks, "its slot", 0, kU32},
    {"secrets.token<suffix>.module", kText, "", kWorks, "its PKCS#11 module"},
    {"secrets.token<suffix>.pin", kSecret, "", kWorks, "its PIN"},

    // ---- pools and authorities ----
    {"pools", kSection, "", kWorks, "virtual addresses for clients"},
    {"pools.<pool>", kSection, "", kWorks, "one pool"},
    {"pools.<pool>.addrs", kText, "", kWorks,
     "a range, leased from end to end, or a subnet, leased from the written address on and without its first and last"},
    {"pools.<pool>.dns", kList, "", kWorks, "DNS servers"},
    {"pools.<pool>.nbns", kList, "", kWorks, "WINS servers"},
    {"pools.<pool>.dhcp", kList, "", kWorks, "DHCP servers for the client to ask"},
    {"pools.<pool>.netmask", kList, "", kWorks, "the client's netmask, IPv4"},
    {"pools.<pool>.server", kList, "", kWorks, "the gateway's inner address"},
    {"pools.<pool>.p_cscf", kList, "", kWorks, "P-CSCF servers (RFC 7651)"},
    {"pools.<pool>.subnet", kList, "", kWorks, "subnets behind the gateway"},
    {"pools.<pool>.split_include", kList, "", kWorks, "subnets to be reached through the tunnel (Unity), IPv4"},
    {"pools.<pool>.split_exclude", kList, "", kWorks, "subnets to be reached beside the tunnel (Unity), IPv4"},
    {"pools.<pool>.<number>", kList, "", kWorks,
     "the attribute of that type: an address, a subnet, 0x and hexadecimal, or else a text of its own"},
    {"authorities", kSection, "", kNotYet, "certification authorities"},
    {"authorities.<authority>", kSection, "", kWorks, "one authority"},
    {"authorities.<authority>.cacert", kText, "", kWorks, "its certificate"},
    {"authorities.<authority>.file", kText, "", kWorks, "its certificate's absolute path"},
    {"authorities.<authority>.handle", kText, "", kWorks, "its certificate's CKA_ID on a token"},
    {"authorities.<authority>.slot", kInteger, "", kWorks, "the token's slot", 0, kU32},
    {"authorities.<authority>.module", kText, "", kWorks, "the token's PKCS#11 module"},
    {"authorities.<authority>.crl_uris", kList, "", kWorks, "where its CRLs are"},
    {"authorities.<authority>.ocsp_uris", kList, "", kWorks, "its OCSP responders"},
    {"authorities.<authority>.cert_uri_base", kText, "", kWorks, "base of hash-and-URL certificates"},
};

constexpr std::string_view kMode = "connections.<conn>.children.<child>.mode";

constexpr WordVerdict kWordVerdicts[] = {
    {kMode, "transport_proxy", kRefused, "Mobile IPv6 proxy mode does not exist here; use tunnel"},
    {kMode, "beet", kRefused, "BEET mode does not exist here; use tunnel"},
    {kMode, "iptfs", kRefused, "IP-TFS does not exist here; use tunnel"},
};

std::string_view ParentOf(std::string_view path) {
  auto dot = path.rfind('.');
  return dot == std::string_view::npos ? "" : path.substr(0, dot);
}

}  // namespace

std::span<const Key> AllKeys() {
  static const auto all = [] {
    std::vector<Key> made;
    std::ranges::copy(DataplaneKeys(), std::back_inserter(made));
    std::ranges::copy(kKeys, std::back_inserter(made));
    return made;
  }();
  return all;
}
std::span<const WordVerdict> AllWordVerdicts() { return kWordVerdicts; }

const WordVerdict* FindWordVerdict(std::string_view path, std::string_view word) {
  auto* row = std::ranges::find_if(kWordVerdicts, [&](auto& r) { return r.path == path && r.word == word; });
  return row == std::end(kWordVerdicts) ? nullptr : row;
}

const SectionRule* FindSectionRule(std::string_view path) {
  static const auto rules = [] {
    std::unordered_map<std::string_view, SectionRule> made;
    for (const Key& k : AllKeys()) {
      SectionRule& parent = made[ParentOf(k.path)];
      bool section = k.type == kSection || k.type == kOpenSection;
      (section ? parent.sections : parent.keys).push_back(&k);
    }
    return made;
  }();
  auto it = rules.find(path);
  return it == rules.end() ? nullptr : &it->second;
}

const Key* FindKey(std::span<const Key* const> rows, std::string_view name) {
  const Key* best = nullptr;
  size_t best_length = 0;
  for (const Key* k : rows) {
    auto pattern = LastSegment(k->path);
    auto fixed = pattern.substr(0, pattern.find('<'));
    if (fixed.size() == pattern.size()) {
      if (name == pattern) return k;
    } else if (name.starts_with(fixed) && (!best || fixed.size() > best_length)) {
      best = k;
      best_length = fixed.size();
    }
  }
  return best;
}

std::string_view LastSegment(std::string_view path) { return path.substr(path.rfind('.') + 1); }

std::string_view Name(Type type) {
  switch (type) {
    case kSection: return "section";
    case kOpenSection: return "section with anything inside";
    case kBool: return "yes or no";
    case kInteger: return "integer";
    case kFraction: return "number";
    case kTime: return "time";
    case kSize: return "size";
    case kWord: return "word";
    case kText: return "text";
    case kList: return "list";
    case kIkeProposals:
    case kEspProposals:
    case kAhProposals: return "list of proposals";
    case kSelectors: return "list of traffic selectors";
    case kPeerAddresses: return "list of addresses";
    case kPortAddresses: return "list of addresses with prefix length";
    case kPrefix: return "prefix";
    case kAddress: return "address";
    case kSecret: return "secret";
  }
  return "";
}

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case kWorks: return "works";
    case kNoMeaning: return "no meaning here (warning)";
    case kRefused: return "refused";
    case kNotYet: return "not yet (warning)";
    case kNotYetRefused: return "not yet (refused)";
  }
  return "";
}

}  // namespace culvert::config

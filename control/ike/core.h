#pragma once

#include <memory>
#include <vector>

#include "control/ike/action.h"
#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/crypto/random.h"
#include "control/ike/event.h"

namespace culvert::auth {
class Credentials;  // control/auth/credentials.h
}

namespace culvert::pools {
class LeaseTable;    // control/pools/lease_table.h
}
namespace culvert::radius {
class Client;        // control/radius/client.h
}

namespace culvert::ike {

// What an operator may see of an IKE SA and its children: copies, names as VICI prints them.
struct ChildView {
  ChildId id = 0;
  uint32_t reqid = 0;
  std::string name, state;                 // INSTALLING, INSTALLED, REKEYING, REKEYED, DELETING, DELETED
  EspSuite suite;
  KeGroup group = KeGroup::kNone;
  bool udp_encap = false;
  config::ChildMode mode{};
  IpsecProtocol protocol{};
  uint32_t spi_in = 0, spi_out = 0;
  SelectorList local_ts, remote_ts;
  Time installed{}, rekey_at{}, expires_at{};
};
struct IkeView {
  IkeId id = 0;
  unsigned version = 2;                    // of IKE
  std::string connection, state;           // CONNECTING, ESTABLISHED, REKEYING, REKEYED, DELETING
  bool initiator = false;
  uint64_t spi_i = 0, spi_r = 0;
  Endpoint local, remote;
  std::string local_id, remote_id;
  std::string remote_user;                 // as XAUTH has authenticated it; empty: it has not
  std::vector<IpAddress> local_vips, remote_vips;   // leased to us by the peer; by us to the peer
  bool nat_local = false, nat_remote = false;
  IkeSuite suite;
  bool ppk = false;                        // made with a post-quantum pre-shared key (RFC 8784)
  Time established{}, rekey_at{}, reauth_at{};
  std::vector<ChildView> children;
};

class Resolver;                            // control/ike/resolver.h
struct CoreCounters;                       // control/ike/counters.h

// The whole protocol: every IKE SA of the process, half-open ones included. No sockets, clock, threads or randomness of its
// own; single-threaded. Two or two thousand of these run in one test.
class Core {
 public:
  // All borrowed and outliving the core. `control` may change between calls; the core is then told by ConfigChanged.
  Core(const config::Control& control, Random& random, SpiAllocator& spis);
  ~Core();

  // Appends to `out`. `now` never goes back.
  void Handle(Event event, Time now, Actions& out);

  // What certificates and keys there are from now on. Never null.
  void set_credentials(std::shared_ptr<const auth::Credentials> credentials);
  // What names of peers lead to. Needed before the first call by name. Never null.
  void set_resolver(std::shared_ptr<Resolver> resolver);
  // Who knows the passwords that are not in the configuration. Null: nobody, and `auth = xauth-radius` fails.
  void set_radius(std::shared_ptr<radius::Client> radius);
  void set_key_logging(bool on);
  std::vector<IkeView> List() const;
  const CoreCounters& counters() const;
  const pools::LeaseTable& leases() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::ike

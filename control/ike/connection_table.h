#pragma once

#include <map>
#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/hash/hash.h"
#include "control/ike/identity.h"
#include "control/ike/sa/child_sa.h"
#include "control/ike/sa/path.h"

namespace culvert::ike {

// The connections, arranged so that what a message says finds those it can mean without a look at all the others. Immutable
// once filled. Entries of local_addrs and remote_addrs are addresses, prefixes, ranges and %any; a host name is as %any: who
// comes from where it leads today is for AUTH to say.
class ConnectionTable {
 public:
  explicit ConnectionTable(std::vector<ConnectionRef> all = {});

  const std::vector<ConnectionRef>& all() const { return all_; }   // of every IKE version, in order of loading
  const ConnectionRef* ByName(const std::string& name) const;      // nullptr: none

  // What a message says of its sender.
  struct Sender {
    IpAddress local, remote;
    const Identity* id = nullptr;    // nullptr: it has not said who it is
    unsigned version = 2;            // of IKE
  };
  // Those that admit the sender, the ones that name the peer's address most closely first, then in order of loading, until
  // `visit` returns true.
  void Visit(const Sender& sender, absl::FunctionRef<bool(const ConnectionRef&)> visit) const;
  // How many connections there are for those addresses and that version, whoever it is.
  size_t CountFor(const IpAddress& local, const IpAddress& remote, unsigned version = 2) const;

 private:
  using Position = uint32_t;         // in all_
  // Connections of the same version, local_addrs and remote_addrs: one look decides of them all.
  struct Group {
    unsigned version = 0;                                          // 0: either
    std::optional<std::vector<IpRange>> local, remote;             // nullopt: any
    std::vector<Position> members;                                 // ascending, as the lists below
    std::unordered_map<std::string, std::vector<Position>> by_id;  // by FoldedKey() of the peer
    std::vector<std::pair<Position, IdentityPattern>> patterned;   // others
  };
  struct Near {
    int closeness;
    const Group* group;
  };
  void Add(Position position);
  std::vector<Near> GroupsFor(const Sender& sender) const;
  static void Collect(const Group& group, const Identity* id, std::vector<Position>& into);

  std::vector<ConnectionRef> all_;
  std::unordered_map<std::string, Position> by_name_;
  std::map<std::tuple<unsigned, std::vector<std::string>, std::vector<std::string>>, Group> groups_;
  std::unordered_map<IpAddress, std::vector<const Group*>, absl::Hash<IpAddress>> by_remote_;   // that name this one address
  std::vector<const Group*> ranged_;                               // with anything but single addresses
};

// Connections that a log line tells of, where none of those for a peer is right: there may be thousands.
inline constexpr size_t kMaxNamed = 8;

// Whom an initiator calls at its attempt, from 1 on: the single addresses and host names of remote_addrs in turn. nullopt:
// there are none.
using Callee = std::variant<IpAddress, std::string>;
std::optional<Callee> CallTo(const config::Connection& c, unsigned attempt);
// The ports to call by, and what they ask for; the address to call from is still open.
Path WayTo(const config::Connection& c, const IpAddress& remote);
// Whether local_addrs leave it an address of that family to call from.
bool MayCallFrom(const config::Connection& c, Family family);
// The address it calls from: the first single address of local_addrs of that family, of `ours` where those are known and one of
// them is named. nullopt: whichever reaches the peer.
std::optional<IpAddress> CallFrom(const config::Connection& c, const IpAddress& remote, std::span<const IpAddress> ours = {});
// Whether its local_addrs admit that address of ours.
bool AdmitsLocal(const config::Connection& c, const IpAddress& local);

}  // namespace culvert::ike

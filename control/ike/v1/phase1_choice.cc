#include "control/ike/v1/phase1_choice.h"

#include "control/ike/cat.h"
#include "control/ike/connection_table.h"

namespace culvert::ike::v1 {
namespace {

constexpr unsigned kVersion = 1;
constexpr size_t kMaxCandidates = 8;   // connections tried in turn for one signature

// Connections that are not the one, and why, for one line of the log.
class PassedOver {
 public:
  void Add(const config::Connection& c, std::string_view why) {
    if (named_.size() < kMaxNamed) named_.push_back(Cat(c.name, " ", why));
    else ++more_;
  }
  bool full() const { return named_.size() >= kMaxNamed; }
  std::string ToString() const {
    if (named_.empty()) return "none for this address";
    return more_ ? Cat(Join(named_, "; "), "; and ", more_, " more") : Join(named_, "; ");
  }

 private:
  std::vector<std::string> named_;
  size_t more_ = 0;
};

// `tersely`: why not is of no interest any more, for there are many.
std::expected<ChosenPhase1, std::string> Consider(Context& cx, const ConnectionRef& c, const FirstWord& word, bool tersely) {
  if (c->aggressive != word.aggressive) return std::unexpected(c->aggressive ? "is for aggressive mode" : "is for main mode");
  if (word.aggressive && !MayBeAggressive(cx, *c)) {
    return std::unexpected("does not take aggressive mode with a pre-shared key: the switch that names the risk is off");
  }
  if (word.id && !Matches(PeerPattern(*c), *word.id)) return std::unexpected(Cat("wants the peer to be ", PeerPattern(*c)));
  const std::vector<AuthMethod> methods = MethodsFor(*c, false, *cx.shared.credentials);
  if (methods.empty()) return std::unexpected("has no key to sign with that IKEv1 has a method for");
  const Phase1Wish wish = WishOf(*c, methods);
  auto chosen = ChoosePhase1(wish, word.offer);
  if (!chosen) return std::unexpected(tersely ? std::string() : Cat("wants ", DescribePhase1(wish)));
  const std::string below = BelowPhase1Floor(c->profile, chosen->suite);
  if (!below.empty()) return std::unexpected(Cat("refuses: ", below));
  // RFC 2409 5.4: in main mode the key is found by address, so that it can be missed at once.
  if (word.aggressive || !Find(chosen->suite.method)->psk) return *std::move(chosen);
  const Path path{word.datagram.local, word.datagram.remote};
  const Identity ours = OurIdentity(*c, path.local.address), peer = PeerIdentity(*c, path.remote.address);
  if (!FindPsk(cx, path, ours, peer)) {
    return std::unexpected(Cat("has no pre-shared key for ", ours.ToString(), " and ", peer.ToString()));
  }
  return *std::move(chosen);
}

// The connection as a peer of that identity may be meaning it, or why it is not that one.
std::expected<Candidate, std::string> ConsiderAs(Context& cx, const IkeSa& sa, const ConnectionRef& c, const Identity& id) {
  if (c->aggressive) return std::unexpected("is for aggressive mode");
  if (!Matches(PeerPattern(*c), id)) return std::unexpected(Cat("wants the peer to be ", PeerPattern(*c)));
  const auto methods = MethodsFor(*c, false, *cx.shared.credentials);
  if (std::ranges::find(methods, sa.method) == methods.end()) return std::unexpected(Cat("does not take ", Name(sa.method)));
  const Phase1Suite agreed{sa.suite, sa.method, 0};
  if (!AdmitsPhase1(c->proposals_v1, agreed)) return std::unexpected(Cat("does not take ", Name(sa.suite)));
  if (std::string why = BelowPhase1Floor(c->profile, agreed); !why.empty()) return std::unexpected(Cat("refuses: ", why));
  auto own = ChooseSigner(cx, sa, *c, sa.phase1->wanted);
  if (!own) return std::unexpected(Cat("has ", own.error()));
  Identity ours = *own ? (*own)->choice.id : OurIdentity(*c, sa.path.local.address);
  if (MethodOf(sa).psk) {
    // The key that message 5 was read by is to be this pair's too: knowing one peer's key makes nobody another peer.
    const Identity before_ours = OurIdentity(*sa.connection, sa.path.local.address);
    const Identity before_peer = PeerIdentity(*sa.connection, sa.path.remote.address);
    const SecretBytes* used = FindPsk(cx, sa.path, before_ours, before_peer);
    const SecretBytes* due = FindPsk(cx, sa.path, ours, id);
    if (!used || !due || !(*used == *due)) return std::unexpected(Cat("has another pre-shared key for ", id.ToString()));
  }
  return Candidate{c, std::move(ours), *std::move(own)};
}

}  // namespace

bool MayBeAggressive(const Context& cx, const config::Connection& c) {
  return c.aggressive && (!ByPsk(c) || cx.config().settings.aggressive_psk);
}

std::expected<ChosenConnection, std::string> ChooseConnection(Context& cx, const FirstWord& word) {
  std::optional<ChosenConnection> found;
  PassedOver passed_over;
  const IpAddress &local = word.datagram.local.address, &remote = word.datagram.remote.address;
  const bool few = cx.shared.connections.CountFor(local, remote, kVersion) <= kMaxNamed;
  cx.shared.connections.Visit(
      {.local = local, .remote = remote, .id = few ? nullptr : word.id, .version = kVersion}, [&](const ConnectionRef& c) {
        auto chosen = Consider(cx, c, word, passed_over.full());
        if (chosen) found = ChosenConnection{c, *std::move(chosen)};
        else passed_over.Add(*c, chosen.error());
        return found.has_value();
      });
  if (found) return *std::move(found);
  return std::unexpected(passed_over.ToString());
}

std::expected<std::vector<Candidate>, std::string> ConnectionsOf(Context& cx, const IkeSa& sa, const DatagramIn& d,
                                                                 const Identity& id) {
  const size_t most = MethodOf(sa).initiator_signs ? kMaxCandidates : 1;
  std::vector<Candidate> found;
  PassedOver passed_over;
  const IpAddress &local = d.local.address, &remote = d.remote.address;
  const bool few = cx.shared.connections.CountFor(local, remote, kVersion) <= kMaxNamed;
  cx.shared.connections.Visit(
      {.local = local, .remote = remote, .id = few ? nullptr : &id, .version = kVersion}, [&](const ConnectionRef& c) {
        auto candidate = ConsiderAs(cx, sa, c, id);
        if (candidate) found.push_back(*std::move(candidate));
        else passed_over.Add(*c, candidate.error());
        return found.size() >= most;
      });
  if (found.empty()) return std::unexpected(passed_over.ToString());
  return found;
}

}  // namespace culvert::ike::v1

#include <algorithm>
#include <string>
#include <vector>

#include "config/connections.h"
#include "config/selectors.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kMaxComparisons = 1'000'000;  // bounds the time for many equal selectors; the rest goes unwarned
constexpr size_t kMaxOverlaps = 20;            // warnings; more would hide what else is said

struct Piece {
  const Connection* conn;
  const Child* child;
  TrafficSelector local, remote;
};

// What is not known before there is an SA overlaps with nothing here, and of shunts and fixed ranks it is meant.
bool MayOverlap(const Child& child) { return child.policies && !IsShunt(child.mode) && child.priority == 0; }

std::vector<Piece> Pieces(const std::vector<Connection>& connections) {
  std::vector<Piece> out;
  for (const Connection& conn : connections) {
    for (const Child& child : conn.children) {
      auto all = MayOverlap(child) ? ProtectedBy(conn, child) : std::nullopt;
      if (!all) continue;
      for (const TrafficSelector& local : all->local) {
        for (const TrafficSelector& remote : all->remote) out.push_back({&conn, &child, local, remote});
      }
    }
  }
  return out;
}

std::string NameOf(const Piece& p) { return Cat("connections.", p.conn->name, ".children.", p.child->name); }

// The data path's order: the longer prefix first, equal ones in the order they were loaded. `a` was loaded before `b` where
// they are equal.
void Say(const Piece& a, const Piece& b, const Section& written, Report& report) {
  bool b_inside = a.remote.addresses != b.remote.addresses && a.remote.addresses.Contains(b.remote.addresses);
  const Piece &winner = b_inside ? b : a, &loser = b_inside ? a : b;
  const Section* where = written.FindSection(loser.conn->name);
  report.Warn(where ? where->origin : written.origin, NameOf(loser),
              Cat("protects packets that ", NameOf(winner), " protects too: of ", loser.remote.ToString(), " and ",
                  winner.remote.ToString(), " the longer prefix gets a packet, the first of equal ones"));
}

}  // namespace

void WarnOfOverlaps(const std::vector<Connection>& connections, const Section& written, Report& report) {
  auto pieces = Pieces(connections);
  std::ranges::stable_sort(pieces, {}, [](const Piece& p) { return p.remote.addresses.first; });
  size_t comparisons = 0, warnings = 0;
  for (size_t i = 0; i < pieces.size() && warnings < kMaxOverlaps; ++i) {
    const Piece& a = pieces[i];
    for (size_t j = i + 1; j < pieces.size() && warnings < kMaxOverlaps; ++j) {
      const Piece& b = pieces[j];
      if (++comparisons > kMaxComparisons) return;
      if (b.remote.addresses.first > a.remote.addresses.last) break;
      if (a.conn == b.conn || a.child->if_id_out != b.child->if_id_out) continue;
      if (!a.remote.Intersect(b.remote) || !a.local.Intersect(b.local)) continue;
      Say(a, b, written, report);
      ++warnings;
    }
  }
}

}  // namespace culvert::config

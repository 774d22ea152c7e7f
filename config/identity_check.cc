#include "config/identity_check.h"

#include "common/bytes/hex.h"
#include "config/text.h"

namespace culvert::config {
namespace {

void Hold(const SectionReader& in, const Value& id, IdentityUse use, IdentityCheck check) {
  if (std::string problem = check(id.text, use); !problem.empty()) {
    in.Error(id.name, Cat("\"", Escape(id.text), "\" ", problem));
  }
}

void CheckRounds(const SectionReader& connection, std::string_view prefix, IdentityUse use, IdentityCheck check) {
  for (const Section& round : connection.section().sections()) {
    if (!round.name.starts_with(prefix)) continue;
    if (const Value* id = round.FindValue("id")) Hold(connection.Child(round), *id, use, check);
  }
}

}  // namespace

void CheckIdentities(const SectionReader& control, IdentityCheck check) {
  if (const Section* connections = control.section().FindSection("connections")) {
    SectionReader all(*connections, "connections", control.report());
    for (const Section& s : connections->sections()) {
      CheckRounds(all.Child(s), "local", IdentityUse::kOwn, check);
      CheckRounds(all.Child(s), "remote", IdentityUse::kPeer, check);
      if (const Value* id = s.FindValue("ppk_id")) Hold(all.Child(s), *id, IdentityUse::kPpk, check);
    }
  }
  const Section* secrets = control.section().FindSection("secrets");
  if (secrets == nullptr) return;
  SectionReader all(*secrets, "secrets", control.report());
  for (const Section& s : secrets->sections()) {
    SectionReader in = all.Child(s);
    const IdentityUse use = s.name.starts_with("ppk") ? IdentityUse::kPpk : IdentityUse::kPeer;
    for (const Value& v : s.values()) {
      if (v.name.starts_with("id")) Hold(in, v, use, check);
    }
  }
}

}  // namespace culvert::config

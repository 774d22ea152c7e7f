#include "control/ike/negotiate/offer.h"

#include <algorithm>

#include "common/base/limits.h"
#include "common/bytes/writer.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/crypto/sk_cipher.h"

namespace culvert::ike {
namespace {

template <typename Id>
void Add(Proposal& to, TransformType type, Id id, uint16_t key_bits = 0) {
  Transform t{.type = type, .id = static_cast<uint16_t>(id), .key_bits = key_bits};
  if (std::ranges::find(to.transforms, t) == to.transforms.end()) to.transforms.push_back(t);
}

bool Has(const Proposal& p, TransformType type) {
  return std::ranges::any_of(p.transforms, [type](const Transform& t) { return t.type == type; });
}

// The ciphers of one sort, AEAD or not, that this build has; IKE's must be fit for SK payloads, a child's are the data path's.
void AddCiphers(const std::vector<config::Cipher>& ciphers, bool aead, Proposal& to) {
  for (const config::Cipher& c : ciphers) {
    const EncrInfo* row = Find(c.id);
    if (!row || row->aead != aead || !std::ranges::count(row->key_bits, c.key_bits)) continue;
    if (to.protocol == IpsecProtocol::kIke && !SkCipher::Supports(c.id, c.key_bits)) continue;
    // RFC 7296 3.3.5: no attribute for a cipher with one key length.
    Add(to, TransformType::kEncr, c.id, row->fixed_key ? 0 : c.key_bits);
  }
}

void AddIntegs(const std::vector<IntegId>& integs, Proposal& to) {
  for (IntegId id : integs) {
    if (Find(id) && (to.protocol != IpsecProtocol::kIke || SkCipher::Supports(id))) Add(to, TransformType::kInteg, id);
  }
}

void AddGroups(const std::vector<KeGroup>& groups, TransformType type, Proposal& to) {
  for (KeGroup group : groups) {
    // IKE's own key exchange alone cannot be done without.
    bool may_be_none = type != TransformType::kKe || to.protocol != IpsecProtocol::kIke;
    if (group == KeGroup::kNone ? may_be_none : KeyExchange::Supports(group)) Add(to, type, group);
  }
}

// RFC 9370 2.2.1. False where one is demanded and none that is named can be computed.
template <typename P>
bool AddAdditional(const P& p, Proposal& to) {
  for (unsigned i = 0; i < std::size(p.additional); ++i) {
    auto type = static_cast<TransformType>(static_cast<unsigned>(TransformType::kAddKe1) + i);
    AddGroups(p.additional[i], type, to);
    if (!p.additional[i].empty() && !Has(to, type)) return false;
  }
  return true;
}

Proposal ToWire(const config::IkeProposal& p, bool aead) {
  Proposal out{.protocol = IpsecProtocol::kIke};
  AddCiphers(p.encrs, aead, out);
  for (PrfId prf : p.prfs) {
    if (Supports(prf)) Add(out, TransformType::kPrf, prf);
  }
  if (!aead) AddIntegs(p.integs, out);
  AddGroups(p.groups, TransformType::kKe, out);
  return out;
}

Proposal ToWire(const config::EspProposal& p, bool aead, bool with_ke) {
  Proposal out{.protocol = p.encrs.empty() ? IpsecProtocol::kAh : IpsecProtocol::kEsp};
  AddCiphers(p.encrs, aead, out);
  if (!aead) AddIntegs(p.integs, out);
  if (with_ke) {
    AddGroups(p.groups, TransformType::kKe, out);
    if (p.accept_without_ke) Add(out, TransformType::kKe, KeGroup::kNone);
  }
  for (EsnId esn : p.esn) Add(out, TransformType::kEsn, esn);
  return out;
}

// An order of sorts for a proposal with both: as its ciphers begin.
std::array<bool, 2> AeadThenNot(const std::vector<config::Cipher>& ciphers) {
  const EncrInfo* first = ciphers.empty() ? nullptr : Find(ciphers.front().id);
  bool aead_first = first && first->aead;
  return {aead_first, !aead_first};
}

SaPayload Numbered(std::vector<Proposal> proposals, ByteView spi) {
  // RFC 7296 3.3.1: numbers are one octet and start at one.
  if (proposals.size() > kMaxProposals) proposals.resize(kMaxProposals);
  uint8_t number = 0;
  for (Proposal& p : proposals) {
    p.number = ++number;
    p.spi = ToBytes(spi);
  }
  return {std::move(proposals)};
}

}  // namespace

std::vector<Proposal> IkeToWire(const std::vector<config::IkeProposal>& configured) {
  std::vector<Proposal> out;
  for (const config::IkeProposal& p : configured) {
    for (bool aead : AeadThenNot(p.encrs)) {
      Proposal wire = ToWire(p, aead);
      bool complete = Has(wire, TransformType::kEncr) && Has(wire, TransformType::kPrf) && Has(wire, TransformType::kKe) &&
                      (aead || Has(wire, TransformType::kInteg));
      if (complete && AddAdditional(p, wire)) out.push_back(std::move(wire));
    }
  }
  return out;
}

std::vector<Proposal> EspToWire(const std::vector<config::EspProposal>& configured, bool with_ke) {
  std::vector<Proposal> out;
  for (const config::EspProposal& p : configured) {
    for (bool aead : AeadThenNot(p.encrs)) {
      Proposal wire = ToWire(p, aead, with_ke);
      const bool ah = wire.protocol == IpsecProtocol::kAh;
      // RFC 8221 4: encryption without integrity is never offered, and AH is integrity alone.
      bool complete = Has(wire, TransformType::kEsn) && (aead || Has(wire, TransformType::kInteg)) &&
                      (ah ? !aead : Has(wire, TransformType::kEncr));
      bool ke_lost = with_ke && !p.groups.empty() && !Has(wire, TransformType::kKe);
      if (with_ke && !AddAdditional(p, wire)) continue;
      if (complete && !ke_lost) out.push_back(std::move(wire));
    }
  }
  return out;
}

SaPayload OfferIke(const std::vector<config::IkeProposal>& configured, ByteView spi) {
  return Numbered(IkeToWire(configured), spi);
}

SaPayload OfferEsp(const std::vector<config::EspProposal>& configured, IpsecProtocol protocol, uint32_t spi, bool with_ke) {
  std::vector<Proposal> wire = EspToWire(configured, with_ke);
  std::erase_if(wire, [protocol](const Proposal& p) { return p.protocol != protocol; });
  Writer w;
  w.U32(spi);
  return Numbered(std::move(wire), w.view());
}

}  // namespace culvert::ike

#include "control/ike/admission/cookie.h"

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/crypto/prf.h"

namespace culvert::ike {
namespace {

constexpr size_t kHead = 5, kTag = 16, kSecret = 32;  // octets

uint32_t Seconds(Time t) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count());
}

}  // namespace

void CookieJar::Rotate(Time now) {
  if (!current_.empty() && now - made_at_ < kCookieSecretLife) return;
  // A jar left alone for longer than both lives has no previous secret worth keeping.
  previous_ = now - made_at_ < 2 * kCookieSecretLife ? std::move(current_) : SecretBytes();
  current_ = SecretBytes(random_.Take(kSecret));
  ++current_id_;
  made_at_ = now;
}

Bytes CookieJar::Tag(ByteView secret, ByteView head, const Bound& to) const {
  Writer spi;
  spi.U64(to.spi_i);
  Bytes tag = HmacSha256(secret, {head, to.nonce_i, to.source.bytes(), spi.view()});
  tag.resize(kTag);
  return tag;
}

Bytes CookieJar::Make(const Bound& to, Time now) {
  Rotate(now);
  Writer w;
  w.U8(current_id_);
  w.U32(Seconds(now));
  w.Put(Tag(current_.view(), w.view(), to));
  return w.Release();
}

bool CookieJar::Verify(ByteView cookie, const Bound& to, Time now) {
  if (cookie.size() != kHead + kTag) return false;
  Rotate(now);
  Reader r(cookie);
  uint8_t id = r.U8();
  uint32_t age = Seconds(now) - r.U32();
  const SecretBytes& secret = id == current_id_ ? current_ : previous_;
  bool known = id == current_id_ || id == static_cast<uint8_t>(current_id_ - 1);
  if (!known || secret.empty() || age > kCookieLife.count()) return false;
  return EqualConstantTime(cookie.subspan(kHead), Tag(secret.view(), cookie.first(kHead), to));
}

}  // namespace culvert::ike

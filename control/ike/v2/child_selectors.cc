#include "control/ike/v2/child_selectors.h"

namespace culvert::ike {

Selectors SelectorsIn(const Inbound& in, bool we_are_requester) {
  auto* i = in.Get<TsPayload>(PayloadType::kTsI);
  auto* r = in.Get<TsPayload>(PayloadType::kTsR);
  return we_are_requester ? Selectors{i->selectors, r->selectors} : Selectors{r->selectors, i->selectors};
}

bool SaysTransport(const Inbound& in) { return in.Notify(NotifyType::kUseTransportMode) != nullptr; }

bool TakesPadding(const Inbound& in) { return in.Notify(NotifyType::kEspTfcPaddingNotSupported) == nullptr; }

}  // namespace culvert::ike

#include "control/ike/wire/v2/vendor_payload.h"

//  0                   1                   2                   3      RFC 7296 3.12
// |                        Vendor ID (VID)                        |
namespace culvert::ike {

Decoded<VendorIdPayload> DecodeVendorId(Reader& body) { return VendorIdPayload{body.Rest()}; }

void Encode(const VendorIdPayload& vendor, Writer& w) { w.Put(vendor.data); }

}  // namespace culvert::ike

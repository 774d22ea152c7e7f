#pragma once

namespace culvert {

const char* BuildName();  // "culvert 0.1.0"; static storage, under 32 octets

}  // namespace culvert

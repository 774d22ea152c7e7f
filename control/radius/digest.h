#pragma once

#include <array>
#include <initializer_list>

#include "common/bytes/bytes.h"

// MD5, which nothing but RADIUS uses here. Over the pieces one after the other. Any thread.
namespace culvert::radius {

using Digest = std::array<uint8_t, 16>;

Digest Md5(std::initializer_list<ByteView> pieces);
Digest HmacMd5(ByteView key, std::initializer_list<ByteView> pieces);

}  // namespace culvert::radius

#pragma once

namespace culvert::ike {

// OpenSSL's allocations fall back on the MemoryReserve as operator new does. Call it before anything else of OpenSSL's, or
// nothing changes (CRYPTO_set_mem_functions(3)): false then.
bool PutReserveBehindOpenssl();

}  // namespace culvert::ike

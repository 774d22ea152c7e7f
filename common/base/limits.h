#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Limits nobody should set. Each has its unit and its reason; what an operator may set lives in config/model.
namespace culvert {

inline constexpr size_t kCacheLine = 64;

inline constexpr size_t kMaxIkeDatagram = 65535;        // octets; the UDP length field's own bound
inline constexpr size_t kMaxPayloadsPerMessage = 30;    // bounds decode work per datagram (B13: at 30 accepted, at 31 dropped)
inline constexpr size_t kMaxPayloadsOfOneType = 20;     // same, per payload type
inline constexpr size_t kMaxCertPayloads = 8;           // D11
inline constexpr size_t kMaxProposals = 255;            // the proposal number is one octet
inline constexpr size_t kMaxTransformsPerProposal = 255;  // the count is one octet
inline constexpr size_t kMinNonce = 16, kMaxNonce = 256;  // octets, RFC 7296 3.9
inline constexpr size_t kMaxCookie = 64;                // octets, RFC 7296 2.6
inline constexpr size_t kMaxIdentity = 512;             // octets of identification data (B32)
inline constexpr size_t kMaxFragments = 64;             // RFC 7383 reassembly (D05)
inline constexpr size_t kMaxReassembly = 65536;         // octets of an IKE SA's messages in parts (D05)
inline constexpr size_t kMaxSelectorsPerMessage = 16;   // one channel command; more go in further messages of one transaction
inline constexpr size_t kMaxSelectorsPerSa = 255;       // the TS count is one octet

inline constexpr uint32_t kMaxChildSas = 1u << 20;      // live at once, both directions each; bounds the runtime tables' memory
inline constexpr uint32_t kMaxManualSas = 4096;         // each direction by itself; bounds what is looked through at start
inline constexpr unsigned kMaxWorkers = 32;
inline constexpr unsigned kMaxPorts = 16;
inline constexpr unsigned kMinReplayWindow = 64, kMaxReplayWindow = 65536;  // packets

inline constexpr uint64_t kIvPacketLimit = (uint64_t{1} << 48) - 1;  // packets of one (key, generation): the IV's counter field
inline constexpr uint32_t kOutboundJump = 1u << 16;     // packets skipped when a dataplane restarts from a published edge
inline constexpr uint32_t kPublishEvery = 1024;         // packets between two publications of an outbound sequence number

}  // namespace culvert

#pragma once

#include <optional>
#include <vector>

#include "config/model.h"
#include "config/schema/reader.h"

// From a section of the tree to the model, for files and VICI alike. The section has been through CheckKeys; what only shows
// when keys are seen together is reported here.
namespace culvert::config {

// A profile of the connection's own overrides the settings'. Certificates without an absolute path are under `credentials_dir`.
Connection ReadConnection(const SectionReader& in, const ControlSettings& settings, const std::string& credentials_dir);
// The sections "local*" or "remote*" of a connection under that profile, in order of their rounds.
std::vector<AuthRound> ReadRounds(const SectionReader& in, std::string_view prefix, Profile profile,
                                  const std::string& credentials_dir);
// Null where the section is of a kind that is not supported yet: its verdict has been given.
std::optional<Secret> ReadSecret(const SectionReader& in, const std::string& credentials_dir);

Pool ReadPool(const SectionReader& in);
// Those of a section `pools`: no two of them lease the same address.
std::vector<Pool> ReadPools(const SectionReader& in);
// Those of a section `radius`, in the order they are asked.
std::vector<RadiusServer> ReadRadius(const SectionReader& in);

// The keys that children and manual SAs have alike: octets, kTfcToMtu or 0; and packets, raised with a warning to what a window
// can be.
uint16_t ReadTfcPadding(const SectionReader& in);
uint32_t ReadReplayWindow(const SectionReader& in, uint32_t otherwise);
HwOffload ReadHwOffload(const SectionReader& in);

// An error where a key with a secret stands in a file that everybody may read.
void CheckHidden(const SectionReader& in, std::string_view key);

// A connection may name pools that VICI loads later.
void WarnOfMissingPools(const Control& control, const SectionReader& connections);
// Errors of connections that ask RADIUS where there is no server.
void CheckRadiusUsers(const Control& control, const SectionReader& connections);

// Warns of connections with a pre-shared key to whose identities none of the secrets can belong: they come up only once one
// is loaded by VICI.
void WarnOfMissingSecrets(const Control& control, const SectionReader& connections);

// Warns where children of two connections protect common packets, and says which of them gets a packet.
void WarnOfOverlaps(const std::vector<Connection>& connections, const Section& written, Report& report);

}  // namespace culvert::config

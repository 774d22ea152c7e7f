#pragma once

#include <optional>
#include <string>

#include "config/complaint.h"
#include "config/identity_check.h"
#include "config/model.h"
#include "config/syntax/file_source.h"

namespace culvert::config {

// Reads DIR/culvert.conf. Every problem is collected, not only the first (but for a syntax error, after which the rest would
// be read out of step); a value is returned only without errors.
// LoadDataplane opens nothing that `control` includes: the dataplane neither opens nor may read secrets.
// `identities` may be null: then every identity is taken as written.
std::optional<Dataplane> LoadDataplane(const std::string& dir, Complaints& complaints);
std::optional<Control> LoadControl(const std::string& dir, IdentityCheck identities, Complaints& complaints);

// The same from elsewhere than the disk, on a machine of `cores` cores.
std::optional<Dataplane> LoadDataplane(FileSource& files, const std::string& dir, unsigned cores, Complaints& complaints);
std::optional<Control> LoadControl(FileSource& files, const std::string& dir, IdentityCheck identities,
                                   Complaints& complaints);

}  // namespace culvert::config

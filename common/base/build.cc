#include "common/base/build.h"

namespace culvert {

const char* BuildName() { return "culvert " CULVERT_VERSION; }

}  // namespace culvert

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/schema/key_doc.h"

// config/README.md shows the tables as they are. CULVERT_WRITE_README=1 makes it so instead of testing it.
namespace culvert::config {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

void Replace(std::string& text, const std::string& what, const std::string& with) {
  const std::string begin = "<!-- " + what + ": written by the test config/readme -->\n", end = "<!-- end of " + what + " -->";
  auto from = text.find(begin), to = text.find(end);
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos && from < to) << what;
  text.replace(from + begin.size(), to - from - begin.size(), with);
}

TEST(Readme, ListsEveryKeyAsTheTableHasIt) {
  const std::string path = std::string(CULVERT_SOURCE_ROOT) + "config/README.md";
  std::string written = ReadAll(path), wanted = written;
  Replace(wanted, "keys", KeysAsMarkdown());
  Replace(wanted, "proposal words", ProposalWordsAsMarkdown());
  if (std::getenv("CULVERT_WRITE_README"))
    std::ofstream(path) << wanted;
  else
    EXPECT_TRUE(written == wanted) << "run the test config-test once with CULVERT_WRITE_README=1 in the environment";
}

}  // namespace
}  // namespace culvert::config

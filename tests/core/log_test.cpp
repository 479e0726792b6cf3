#include "hone/core/log.h"

#include <gtest/gtest.h>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

TEST(Log, GoesToTheFileAndTheDisplay) {
  const test::TempFolder folder;
  std::vector<std::string> shown;
  {
    const LogFile file(folder / "log.txt");
    const LogRedirect redirect([&](std::string_view line) { shown.emplace_back(line); });
    log_info("one {}");
    log_warning("two");
  }
  log_info("after the file");
  EXPECT_EQ(shown, (std::vector<std::string>{"hone: one {}", "hone: warning: two"}));
  const std::string text = read_file(folder / "log.txt", 1 << 20);
  EXPECT_NE(text.find("info: one {}\n"), std::string::npos) << text;
  EXPECT_NE(text.find("warning: two\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("after"), std::string::npos) << text;
  {
    const LogFile again(folder / "log.txt");
    log_info("three");
  }
  EXPECT_TRUE(read_file(folder / "log.txt", 1 << 20).starts_with(text)) << "an earlier log was lost";
}

TEST(Log, AFileThatCannotBeOpenedIsNamed) {
  const test::TempFolder folder;
  try {
    const LogFile file(folder.path());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(folder.path().string()), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace hone

// For the tests of the reward `code`: a judge with known limits, and records.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "hone/core/error.h"
#include "hone/reward/code.h"

namespace hone::testing {

using Json = nlohmann::json;

inline Record record(const Json& fields) {
  return Record::parse(fields.dump(-1, ' ', true, Json::error_handler_t::replace), "test");
}

class CodeTest : public ::testing::Test {
 protected:
  void SetUp() override { make({}); }
  void make(const CodeReward& config) {
    try {
      judge_ = std::make_unique<CodeJudge>(config);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  CodeVerdict judge(const Json& fields, const std::string& completion) const {
    return judge_->judge(record(fields), completion);
  }
  /// "WA", with the reason in the failure's text.
  void expect(const std::string& status, const Json& fields, const std::string& completion) const {
    const CodeVerdict verdict = judge(fields, completion);
    EXPECT_EQ(to_string(verdict.status), status) << verdict.reason << "\n" << completion;
    EXPECT_EQ(verdict.reason.empty(), verdict.status == CodeStatus::kOk);
  }
  /// One of several.
  void expect_not_right(const Json& fields, const std::string& completion) const {
    const CodeVerdict verdict = judge(fields, completion);
    EXPECT_NE(verdict.status, CodeStatus::kOk) << completion;
    EXPECT_NE(verdict.status, CodeStatus::kSandboxError) << verdict.reason << "\n" << completion;
  }

  std::unique_ptr<CodeJudge> judge_;
};

/// The shared data, where they are.
inline std::optional<std::filesystem::path> shared_data() {
  const char* const given = std::getenv("HONE_SHARED_DATA");
  const std::filesystem::path folder = given != nullptr ? given : std::string(HONE_SOURCE_DIR) + "/../shared/data";
  if (std::filesystem::is_directory(folder)) return folder;
  return std::nullopt;
}

}  // namespace hone::testing

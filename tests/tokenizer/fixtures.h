// The small tokenizers of tests/fixtures/tokenizers.json (make_tokenizers.py) as folders.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "hone/core/error.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone::test {

using Json = nlohmann::json;

inline const Json& tokenizer_fixtures() {
  static const Json fixtures =
      Json::parse(std::ifstream(HONE_SOURCE_DIR "/tests/fixtures/tokenizers.json", std::ios::binary));
  return fixtures;
}

/// What the call's Error kInput says.
inline std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "no error";
}

/// An empty folder of the test that runs.
inline std::filesystem::path new_folder() {
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / fmt::format("hone_{}_{}", test->test_suite_name(), test->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

/// The whole of a fixture's tokenizer.json.
inline Json tokenizer_json(const Json& fixture) {
  Json tokenizer = fixture["tokenizer"];
  tokenizer["model"] = tokenizer_fixtures()["models"][tokenizer["model"].get<std::string>()];
  return tokenizer;
}

/// The first fixture with this model and, as its name has it, these parts.
inline Json fixture_with(const std::string& parts) {
  for (const Json& fixture : tokenizer_fixtures()["tokenizers"]) {
    if (fixture["name"].get<std::string>().find(parts) != std::string::npos) return tokenizer_json(fixture);
  }
  ADD_FAILURE() << "no fixture " << parts;
  return {};
}

inline Tokenizer load(const Json& tokenizer, const Json& config = Json::object()) {
  const std::filesystem::path folder = new_folder();
  write(folder / "tokenizer.json", tokenizer.dump());
  write(folder / "tokenizer_config.json", config.dump());
  return Tokenizer::load(folder);
}

}  // namespace hone::test

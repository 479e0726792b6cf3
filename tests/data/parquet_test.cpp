// Rows of a Parquet file (tests/fixtures/make_parquet.py), where the program was built for them.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/data/lines.h"
#include "hone/data/prompt_source.h"

namespace hone {
namespace {

using Json = nlohmann::json;

constexpr const char* kFile = HONE_SOURCE_DIR "/tests/fixtures/records.parquet";

std::vector<std::pair<Json, std::string>> rows(const std::string& path) {
  std::vector<std::pair<Json, std::string>> out;
  for_each_line(path, [&](std::string_view line, const std::string& place) {
    out.emplace_back(Json::parse(line), place.substr(place.rfind('/') + 1));
  });
  return out;
}

// Why the file is not read; empty where it is.
std::string refusal(const std::string& path) {
  try {
    rows(path);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
}

bool built_without() {
  return refusal(kFile).find("HONE_PARQUET=ON") != std::string::npos;
}

TEST(Parquet, ReadsRecords) {
  if (built_without()) GTEST_SKIP() << "built without HONE_PARQUET";
  const auto all = rows(kFile);
  ASSERT_EQ(all.size(), 5U);
  for (int i = 0; i < 5; ++i) {
    const auto& [row, place] = all[static_cast<size_t>(i)];
    EXPECT_EQ(place, fmt::format("records.parquet:{}", i + 1)) << "counted over row groups";
    EXPECT_EQ(row["prompt"], fmt::format("p{} 加 é", i));
    EXPECT_EQ(row["answer"], i == 3 ? Json() : Json(10 - i));
    EXPECT_EQ(row["difficulty"], i / 4.0);
    EXPECT_EQ(row["right"], i % 2 == 0);
    EXPECT_EQ(row["choices"].size(), i);
    for (const Json& choice : row["choices"]) EXPECT_TRUE(choice.is_string());
    EXPECT_EQ(row["messages"], Json::parse(fmt::format(R"([{{"role":"user","content":"m{}"}}])", i)));
    EXPECT_EQ(row["day"], fmt::format("2025-01-0{}", i + 1));
    EXPECT_EQ(row["level"], i < 2 ? "easy" : "hard");
  }
  DataConfig config;
  config.path = kFile;
  EXPECT_EQ(PromptSource(config, 0).file()->size(), 5);
}

TEST(Parquet, DamagedFilesAreNamed) {
  if (built_without()) GTEST_SKIP() << "built without HONE_PARQUET";
  const test::TempFolder folder;
  const std::string path = (folder / "cut.parquet").string();
  std::filesystem::copy(kFile, path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_NE(refusal(path).find("cut.parquet"), std::string::npos) << refusal(path);
}

TEST(Parquet, IsRefusedByItsNameWhereItWasNotBuilt) {
  if (!built_without()) GTEST_SKIP() << "built with HONE_PARQUET";
  EXPECT_NE(refusal(kFile).find("records.parquet"), std::string::npos) << refusal(kFile);
}

}  // namespace
}  // namespace hone

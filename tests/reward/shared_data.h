// Tables that do not ship with the source: HONE_SHARED_DATA names their folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace hone::test {

inline std::filesystem::path shared_data() {
  const char* const folder = std::getenv("HONE_SHARED_DATA");
  return folder != nullptr ? folder : std::string(HONE_SOURCE_DIR) + "/../shared/data";
}

/// The rows of a table; none where it is absent.
inline std::vector<nlohmann::json> shared_rows(const std::string& name) {
  std::vector<nlohmann::json> rows;
  std::ifstream file(shared_data() / name);
  for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

}  // namespace hone::test

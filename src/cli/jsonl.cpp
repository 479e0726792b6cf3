#include "jsonl.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "hone/core/error.h"
#include "hone/data/lines.h"

namespace hone::cli {

void read_jsonl(const std::string& path, const std::function<void(Json row, const std::string& place)>& each) {
  for_each_line(path, [&](std::string_view line, const std::string& place) {
    Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    HONE_CHECK(row.is_object(), .what = "not a JSON object", .place = place, .expected = "JSON Lines");
    each(std::move(row), place);
  });
}

void write_jsonl(const Json& row) {
  const std::string line = row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0) {
    throw_failed({.what = std::strerror(errno), .place = "standard output"});
  }
}

std::string text_field(const Json& row, const char* key, const std::string& place) {
  const auto at = row.find(key);
  HONE_CHECK(at != row.end() && at->is_string(), .what = fmt::format("no text \"{}\"", key), .place = place);
  return at->get<std::string>();
}

std::vector<int32_t> ids_field(const Json& row, const char* key, const std::string& place) {
  const auto at = row.find(key);
  HONE_CHECK(at != row.end() && at->is_array(), .what = fmt::format("no list \"{}\" of token ids", key),
             .place = place);
  std::vector<int32_t> ids;
  for (const Json& id : *at) {
    const bool fits =
        id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() <= std::numeric_limits<int32_t>::max();
    HONE_CHECK(fits, .what = fmt::format("\"{}\" holds something that is no token id", key), .place = place,
               .got = id.dump());
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

}  // namespace hone::cli

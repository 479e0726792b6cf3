#include "checkpoint/manifest.h"

#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/core/hash.h"

namespace hone {
namespace {

using Json = nlohmann::json;  // sorted keys: equal content has equal bytes

constexpr int64_t kFormat = 1;
constexpr int kMaxDepth = 8;

std::string seal(Json body) {
  body["sha256"] = sha256(body.dump());
  return body.dump(1) + "\n";
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  return seal({{"format", kFormat},
               {"step", manifest.step},
               {"world_size", manifest.world_size},
               {"files", files},
               {"info", manifest.info}});
}

Manifest parse_manifest(std::string_view text, const std::string& place) {
  // Writing JSON recurses, so its depth is bounded first.
  const auto shallow = [&place](int depth, Json::parse_event_t, const Json&) {
    HONE_CHECK(depth <= kMaxDepth, .what = "manifest is nested too deeply", .place = place);
    return true;
  };
  Json body = Json::parse(text, shallow, false);
  HONE_CHECK(body.is_object(), .what = "manifest is not a JSON object", .place = place);
  body.erase("sha256");
  // Writing it again must give the same bytes: that checks the hash, and refuses duplicate keys and other spellings.
  HONE_CHECK(seal(body) == text, .what = "manifest does not match its own sha256", .place = place);
  try {
    if (body.at("format").get<int64_t>() != kFormat) {
      throw UnreadableFormat{fmt::format("{}: checkpoint format {} is not the {} that this version reads", place,
                                         body.at("format").get<int64_t>(), kFormat)};
    }
    Manifest manifest{.step = body.at("step").get<int64_t>(),
                      .world_size = body.at("world_size").get<int64_t>(),
                      .files = {},
                      .info = body.at("info").get<std::map<std::string, std::string>>()};
    for (const Json& item : body.at("files")) {
      ManifestFile file{.name = item.at("name").get<std::string>(),
                        .size = item.at("size").get<uint64_t>(),
                        .sha256 = item.at("sha256").get<std::string>()};
      HONE_CHECK(!file.name.empty() && file.name.front() != '.' &&
                     file.name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos,
                 .what = "file name in a manifest is not a plain name", .place = place, .got = Json(file.name).dump());
      manifest.files.push_back(std::move(file));
    }
    return manifest;
  } catch (const Json::exception& error) {
    throw_input({.what = fmt::format("manifest lacks a field or has a wrong one: {}", error.what()), .place = place});
  }
}

}  // namespace hone

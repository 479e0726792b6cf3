#include "completion_rows.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "hone/core/config_file.h"
#include "hone/core/error.h"
#include "hone/core/suggest.h"

namespace hone::cli {
namespace {

constexpr int64_t kMostTokens = 100'000'000;

FinishReason read_finish_reason(const Json& json, const std::string& place) {
  if (!json.contains("finish_reason")) return FinishReason::kStop;
  const std::string name = text_field(json, "finish_reason", place);
  for (const FinishReason reason : {FinishReason::kStop, FinishReason::kLength, FinishReason::kAbort}) {
    if (name == to_string(reason)) return reason;
  }
  throw_input({.what = "unknown finish_reason", .place = place, .got = name, .expected = "stop, length or abort"});
}

// A text, or an object as `hone generate` writes it. `row` holds the token count of a single completion.
Completion read_completion(const Json& json, const Json& row, const RewardSet& rewards, const std::string& place) {
  const Json& about = json.is_object() ? json : row;
  Completion completion;
  HONE_CHECK(json.is_string() || json.is_object(), .what = "a completion is not a text", .place = place,
             .got = json.type_name(), .expected = "a text, or {\"text\": ...}");
  completion.text = json.is_string() ? json.get<std::string>() : text_field(json, "text", place);
  completion.finish_reason = read_finish_reason(about, place);
  if (about.contains("ids")) {
    completion.ids = ids_field(about, "ids", place);
    return completion;
  }
  const auto tokens = about.find("tokens");
  const bool counted = tokens != about.end() && tokens->is_number_unsigned() && *tokens <= kMostTokens;
  const bool only_count = rewards.token_need() == TokenNeed::kCount;
  HONE_CHECK(rewards.token_need() == TokenNeed::kNone || (only_count && counted),
             .what = fmt::format("{} counts tokens, which the row does not give", rewards.names()[0]), .place = place,
             .got = {}, .expected = only_count ? "a number \"tokens\" or a list \"ids\"" : "a list \"ids\"");
  if (counted) completion.ids.resize(tokens->get<size_t>());
  return completion;
}

}  // namespace

RewardConfig read_reward(const std::string& type, const std::string& params) {
  const std::vector<std::string> types = reward_types();
  const auto prototype = default_reward(type);
  HONE_CHECK(prototype.has_value(), .what = fmt::format("no reward '{}'{}", type, did_you_mean(type, types)),
             .place = "--reward", .got = {}, .expected = fmt::format("one of {}", fmt::join(types, ", ")));
  ConfigFile file("--params", params);
  file.set("type=" + type);
  RewardConfig config;
  file.read(config);
  file.throw_problems();
  return config;
}

std::vector<Completion> read_completions(const Json& row, const RewardSet& rewards, const std::string& place) {
  HONE_CHECK(row.contains("completion") != row.contains("completions"),
             .what = "needs \"completion\" or \"completions\", one of them", .place = place);
  if (row.contains("completion")) return {read_completion(row["completion"], row, rewards, place)};
  const Json& list = row["completions"];
  HONE_CHECK(list.is_array() && !list.empty(), .what = "\"completions\" is no list of texts", .place = place);
  std::vector<Completion> completions;
  for (const Json& element : list) completions.push_back(read_completion(element, Json::object(), rewards, place));
  return completions;
}

FieldMap read_fields(const std::vector<std::string>& assignments) {
  std::vector<std::string> known = {"completions"};
  for (const RecordField& field : kRecordFields) known.emplace_back(field.name);
  FieldMap fields;
  for (const std::string& assignment : assignments) {
    const size_t equals = assignment.find('=');
    HONE_CHECK(equals != std::string::npos && equals + 1 < assignment.size(), .what = "--field", .got = assignment,
               .expected = "KEY=NAME");
    const std::string key = assignment.substr(0, equals);
    HONE_CHECK(std::ranges::count(known, key) > 0,
               .what = fmt::format("--field: no field '{}'{}", key, did_you_mean(key, known)), .got = {},
               .expected = fmt::format("one of {}", fmt::join(known, ", ")));
    fields.emplace_back(key, assignment.substr(equals + 1));
  }
  return fields;
}

FieldsConfig fields_config(const FieldMap& fields) {
  FieldsConfig config;
  for (const auto& [key, name] : fields) {
    const auto* const field = std::ranges::find(kRecordFields, key, &RecordField::name);
    HONE_CHECK(field != std::end(kRecordFields), .what = "--field: problems have no list of completions", .got = key);
    config.from[static_cast<size_t>(field - std::begin(kRecordFields))] = name;
  }
  return config;
}

}  // namespace hone::cli

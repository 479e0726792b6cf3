#include "hone/report/evals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"
#include "hone/report/text.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownBytes = 2000;

EvalRecord parse_eval(std::string_view line, const std::string& place) {
  const Json json = Json::parse(line, nullptr, false);
  HONE_CHECK(json.is_object() && json.contains("step") && json["step"].is_number_integer(), .what = "not an evaluation",
             .place = place, .expected = "a JSON object with a step");
  EvalRecord record;
  record.step = json["step"].get<int64_t>();
  for (const auto& [name, value] : json.items()) {
    if (name == "step" || !(value.is_number() || value.is_null())) continue;
    record.metrics.emplace_back(name, value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  const auto sample = json.find("sample");
  if (sample == json.end() || !sample->is_object()) return record;
  const auto text = [&](const char* key) {
    const auto at = sample->find(key);
    return at != sample->end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  record.prompt = text("prompt");
  record.completion = text("completion");
  return record;
}

// A length in tokens needs one digit, a share three.
int digits(std::string_view metric) {
  return metric.ends_with("length") ? 1 : 3;
}

std::string label(std::string metric) {
  std::ranges::replace(metric, '_', ' ');
  return harmless_text(metric);
}

// Foreign text below a heading, indented.
std::string block(std::string_view heading, std::string_view text) {
  std::string shown = harmless_text(text.substr(0, kShownBytes));
  if (text.size() > kShownBytes) shown += fmt::format(" ... ({} more bytes)", text.size() - kShownBytes);
  std::string out = fmt::format("{}\n  ", heading);
  for (const char c : shown) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return out + "\n";
}

}  // namespace

std::string eval_line(const EvalRecord& record) {
  Json json = Json::parse(metrics_line(record.step, record.metrics));
  if (!record.prompt.empty()) json["sample"] = {{"prompt", record.prompt}, {"completion", record.completion}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<EvalRecord> parse_evals(std::string_view text, const std::string& place) {
  std::vector<EvalRecord> records;
  for (size_t at = 0, line = 1, end = 0; (end = text.find('\n', at)) != std::string_view::npos; at = end + 1, ++line) {
    records.push_back(parse_eval(text.substr(at, end - at), fmt::format("{}:{}", place, line)));
  }
  return records;
}

std::string before_after_table(const EvalRecord& before, const EvalRecord& after) {
  std::vector<std::vector<std::string>> rows = {{"", "before", "after", "change"}};
  for (const auto& [name, value] : before.metrics) {
    const auto was = find_metric(before.metrics, name), is = find_metric(after.metrics, name);
    if (!was || !is) continue;
    const int n = digits(name);
    rows.push_back({label(name), fmt::format("{:.{}f}", *was, n), fmt::format("{:.{}f}", *is, n),
                    fmt::format("{:+.{}f}", *is - *was, n)});
  }
  return table(rows);
}

std::string comparison_table(const std::vector<std::string>& names, const std::vector<StepMetrics>& columns) {
  std::vector<std::vector<std::string>> rows = {{""}};
  std::vector<std::string> keys;
  for (const std::string& name : names) rows.front().push_back(harmless_text(name));
  for (const StepMetrics& column : columns) {
    for (const auto& [key, value] : column) {
      if (!key.ends_with("_error") && std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  for (const std::string& key : keys) {
    rows.push_back({label(key)});
    for (const StepMetrics& column : columns) {
      const auto value = find_metric(column, key), error = find_metric(column, key + "_error");
      const bool count =
          value && *value == std::floor(*value) && (key == "problems" || key == "completions" || key == "unusable");
      std::string text =
          !value || !std::isfinite(*value) ? "-" : fmt::format("{:.{}f}", *value, count ? 0 : digits(key));
      if (error && std::isfinite(*error)) text += fmt::format(" ±{:.3f}", *error);
      rows.back().push_back(text);
    }
  }
  return table(rows);
}

std::string before_after_sample(const EvalRecord& before, const EvalRecord& after) {
  return block("prompt", before.prompt) + block("before", before.completion) + block("after", after.completion);
}

}  // namespace hone

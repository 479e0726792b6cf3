#include "hone/data/records.h"

#include <nlohmann/json.hpp>

#include "hone/core/error.h"

namespace hone {

struct Record::Fields {
  nlohmann::ordered_json json;
};

namespace {

// The library writes JSON by recursion; no stack must end there.
constexpr int kDeepest = 200;

std::optional<std::string> as_text(const nlohmann::ordered_json& json) {
  if (json.is_null() || json.is_structured()) return std::nullopt;
  return json.is_string() ? json.get<std::string>() : json.dump();
}

}  // namespace

Record::Record() : fields_(std::make_shared<Fields>(Fields{nlohmann::ordered_json::object()})) {}

Record Record::parse(std::string_view json, const std::string& place) {
  bool too_deep = false;
  const auto keep = [&too_deep](int depth, nlohmann::ordered_json::parse_event_t, nlohmann::ordered_json&) {
    too_deep = too_deep || depth > kDeepest;
    return depth <= kDeepest;
  };
  auto parsed = nlohmann::ordered_json::parse(json, keep, /*allow_exceptions=*/false);
  HONE_CHECK(!too_deep, .what = "JSON nested too deep", .place = place,
             .expected = fmt::format("at most {} levels", kDeepest));
  HONE_CHECK(!parsed.is_discarded(), .what = "not valid JSON", .place = place);
  HONE_CHECK(parsed.is_object(), .what = "not a JSON object", .place = place, .got = parsed.type_name());
  Record record;
  record.fields_ = std::make_shared<Fields>(Fields{std::move(parsed)});
  return record;
}

bool Record::has(std::string_view key) const {
  return fields_->json.contains(key);
}

std::optional<std::string> Record::text(std::string_view key) const {
  const auto at = fields_->json.find(key);
  return at == fields_->json.end() ? std::nullopt : as_text(*at);
}

std::optional<std::string> Record::json(std::string_view key) const {
  const auto at = fields_->json.find(key);
  if (at == fields_->json.end()) return std::nullopt;
  return at->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<std::vector<std::string>> Record::list(std::string_view key) const {
  const auto at = fields_->json.find(key);
  if (at == fields_->json.end()) return std::nullopt;
  std::vector<std::string> out;
  // One element stands for itself: a range over a JSON text or number yields just that.
  for (const auto& element : *at) {
    auto text = at->is_object() ? std::nullopt : as_text(element);
    if (!text) return std::nullopt;
    out.push_back(std::move(*text));
  }
  if (out.empty() && !at->is_array()) return std::nullopt;
  return out;
}

std::string Record::dump() const {
  return fields_->json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kAbort:
      return "abort";
  }
  HONE_ASSERT(false);
}

}  // namespace hone

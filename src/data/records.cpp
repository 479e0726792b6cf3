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
  if (at == fields_->json.end() || at->is_null() || at->is_structured()) return std::nullopt;
  return at->is_string() ? at->get<std::string>() : at->dump();
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

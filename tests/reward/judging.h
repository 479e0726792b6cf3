// Short ways to configure a reward and to ask it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hone/reward/reward.h"

namespace hone {

template <class Parameters>
RewardConfig config(Parameters parameters, double weight = 1.0, std::optional<std::string> name = std::nullopt) {
  return {.weight = weight, .name = std::move(name), .parameters = std::move(parameters)};
}

inline Prompt prompt(const std::string& record) {
  Prompt p;
  p.record = Record::parse(record, "test");
  return p;
}

inline Completion completion(std::string text, FinishReason reason = FinishReason::kStop, size_t tokens = 10) {
  Completion c;
  c.text = std::move(text);
  c.finish_reason = reason;
  c.ids.resize(tokens);
  return c;
}

inline RewardResult judge(const RewardConfig& reward, const Prompt& p, const Completion& c) {
  return RewardSet({reward}, 100).judge(p, c).at(0);
}

/// The text so many times.
inline std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace hone

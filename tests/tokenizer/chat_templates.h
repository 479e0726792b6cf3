// Helpers of the chat template tests.
#pragma once

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "hone/core/error.h"
#include "hone/tokenizer/chat_template.h"

namespace hone::test {

using Json = nlohmann::ordered_json;

/// 26 July 2024, 12:34:56 UTC: what strftime_now printed when the fixtures were made.
inline constexpr std::time_t kFixtureTime = 1721997296;

inline std::string render(const std::string& text, const Json& variables = Json::object()) {
  return ChatTemplate::parse(text).render(variables.dump(), kFixtureTime);
}

/// The message of the Error that parsing or rendering ends in.
inline std::string failure(const std::string& text, const Json& variables = Json::object()) {
  try {
    return "rendered: " + render(text, variables).substr(0, 1000);
  } catch (const Error& error) {
    return error.what();
  }
}

inline Json spans_json(const RenderedChat& chat) {
  Json spans = Json::array();
  for (const TextSpan& span : chat.assistant) spans.push_back({span.begin, span.end});
  return spans;
}

inline std::ifstream fixture(const std::string& name) {
  return std::ifstream(std::string(HONE_SOURCE_DIR) + "/tests/fixtures/" + name);
}

}  // namespace hone::test

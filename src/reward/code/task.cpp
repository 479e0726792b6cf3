#include "reward/code/task.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

namespace hone::code {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(std::string_view field, std::string_view problem) {
  throw std::invalid_argument(fmt::format("the record's {} {}", field, problem));
}

/// The field as JSON. Some data sets hold a list as the text of a list.
std::optional<Json> read_json(const Record& record, const char* field) {
  const auto text = record.json(field);
  if (!text) return std::nullopt;
  Json value = Json::parse(*text);
  if (!value.is_string()) return value;
  Json inner = Json::parse(value.get_ref<const std::string&>(), nullptr, /*allow_exceptions=*/false);
  return inner.is_array() ? inner : value;
}

std::vector<std::string> read_texts(const Record& record, const char* field) {
  const auto value = read_json(record, field);
  if (!value || value->is_null()) return {};
  if (value->is_string()) {
    const auto text = value->get<std::string>();
    return text.empty() ? std::vector<std::string>() : std::vector<std::string>{text};
  }
  if (!value->is_array()) refuse(field, "is no list of texts");
  std::vector<std::string> texts;
  for (const Json& item : *value) {
    if (!item.is_string()) refuse(field, "is no list of texts");
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

/// `value[key]` as text, also where it is wrapped once more: {"stdin": text}.
std::string read_stream(const Json& value, const char* key, const char* wrapped) {
  const auto at = value.find(key);
  if (at == value.end()) refuse("test cases", fmt::format("lack {}", key));
  if (at->is_string()) return at->get<std::string>();
  if (at->is_object() && at->contains(wrapped) && at->at(wrapped).is_string())
    return at->at(wrapped).get<std::string>();
  refuse("test cases", fmt::format("hold no text as {}", key));
}

StreamTests read_stream_tests(const Record& record, const Json& cases) {
  if (!cases.is_array() || cases.empty()) refuse("test cases", "are no list with anything in it");
  StreamTests tests;
  for (const Json& item : cases) {
    if (!item.is_object()) refuse("test cases", "are no objects");
    tests.cases.push_back({read_stream(item, "input", "stdin"), read_stream(item, "output", "stdout")});
  }
  tests.checker = record.text("checker").value_or("");
  return tests;
}

}  // namespace

Task read_task(const Record& record) {
  Task task;
  task.language = record.text("language").value_or("python");
  if (const auto cases = read_json(record, "test_cases"); cases && !cases->is_null()) {
    task.tests = read_stream_tests(record, *cases);
    return task;
  }
  FunctionTests tests;
  tests.entry_point = record.text("entry_point").value_or("");
  tests.prompt = record.text("prompt").value_or("");
  tests.imports = record.text("program_imports").value_or("");
  tests.list = read_texts(record, "test_list");
  if (tests.list.empty()) {
    const auto test = read_json(record, "test");
    if (test && test->is_array()) {
      task.tests = read_stream_tests(record, *test);
      return task;
    }
    tests.test = record.text("test").value_or("");
    if (tests.test.find_first_not_of(" \t\r\n") == std::string::npos) {
      throw std::invalid_argument("the record has neither test_cases, nor test_list, nor test");
    }
  }
  for (const char* field : {"test_imports", "test_setup_code"}) {
    for (std::string& text : read_texts(record, field)) tests.setup.push_back(std::move(text));
  }
  task.tests = std::move(tests);
  return task;
}

}  // namespace hone::code

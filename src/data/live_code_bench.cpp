#include "live_code_bench.h"

#include <fmt/format.h>
#include <zlib.h>

#include <optional>

#include "hone/core/base64.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostBytes = size_t{1} << 30;

// The benchmark's own runner puts these before every program; its starter code counts on them.
constexpr const char* kImports =
    "from typing import *\n"
    "from collections import *\n"
    "from itertools import *\n"
    "from functools import *\n"
    "from heapq import *\n"
    "from bisect import *\n"
    "from math import *\n"
    "from string import *\n"
    "from operator import *\n"
    "import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string, sys\n";

std::optional<std::string> inflate_bytes(std::string_view packed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() < kMostBytes) {
    const size_t done = out.size();
    out.resize(done + (size_t{1} << 16));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(out.size() - done);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END ? std::optional(out) : std::nullopt;
}

// The last text of a pickle that holds nothing but texts and a dictionary of them. Anything else would be a program.
std::optional<std::string> last_text_of_pickle(std::string_view pickle) {
  std::optional<std::string> last;
  const auto take = [&pickle](size_t n) -> std::optional<std::string_view> {
    if (n > pickle.size()) return std::nullopt;
    const std::string_view part = pickle.substr(0, n);
    pickle.remove_prefix(n);
    return part;
  };
  const auto take_number = [&take](size_t bytes) -> std::optional<size_t> {
    const auto part = take(bytes);
    if (!part) return std::nullopt;
    size_t value = 0;
    for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>((*part)[i]);
    return value;
  };
  while (const auto code = take(1)) {
    const char op = code->front();
    size_t length_bytes = 0;
    switch (op) {
      case '.':
        return last;
      case '\x80':  // protocol
      case 'q':     // memo
        if (!take(1)) return std::nullopt;
        continue;
      case 'r':  // memo, a long index
        if (!take(4)) return std::nullopt;
        continue;
      case '\x95':  // frame
        if (!take(8)) return std::nullopt;
        continue;
      case '}':
      case '(':
      case 's':
      case 'u':
      case '\x94':
        continue;
      case '\x8c':
        length_bytes = 1;
        break;
      case 'X':
        length_bytes = 4;
        break;
      case '\x8d':
        length_bytes = 8;
        break;
      default:
        return std::nullopt;
    }
    const auto length = take_number(length_bytes);
    const auto text = length ? take(*length) : std::nullopt;
    if (!text) return std::nullopt;
    last = std::string(*text);
  }
  return std::nullopt;
}

// A list or object of tests: as it is, as the text of JSON, or that pickled, deflated and in base64.
Json unpack(const Json& value, const std::string& field) {
  if (!value.is_string()) return value;
  const auto& text = value.get_ref<const std::string&>();
  if (Json plain = Json::parse(text, nullptr, false); !plain.is_discarded()) return plain;
  const auto packed = decode_base64(text);
  const auto pickle = packed ? inflate_bytes(*packed) : std::nullopt;
  const auto inner = pickle ? last_text_of_pickle(*pickle) : std::nullopt;
  Json json = Json::parse(inner.value_or(""), nullptr, false);
  if (json.is_discarded()) {
    throw std::invalid_argument(field + ": tests as JSON, or as JSON pickled, deflated and in base64");
  }
  return json;
}

struct Tests {
  std::vector<std::pair<Json, Json>> cases{};  // input and output
  std::string function{};                      // empty: streams
};

void add_tests(const Json& tests, const std::string& field, Tests& out) {
  const auto refuse = [&field] {
    throw std::invalid_argument(field + ": a list of {input, output}, or {inputs, outputs}");
  };
  if (tests.is_object()) {
    if (!tests.contains("inputs") || !tests.contains("outputs") || tests["inputs"].size() != tests["outputs"].size()) {
      refuse();
    }
    const Json name = tests.value("fn_name", Json());
    if (name.is_string()) out.function = name.get<std::string>();
    for (size_t i = 0; i < tests["inputs"].size(); ++i) out.cases.emplace_back(tests["inputs"][i], tests["outputs"][i]);
    return;
  }
  if (!tests.is_array()) refuse();
  for (const Json& test : tests) {
    if (!test.is_object() || !test.contains("input") || !test.contains("output")) refuse();
    out.cases.emplace_back(test["input"], test["output"]);
  }
}

std::string function_name(const Json& row) {
  const Json metadata = unpack(row.value("metadata", Json::object()), "metadata");
  const Json name = metadata.is_object() ? metadata.value("func_name", Json()) : Json();
  return name.is_string() ? name.get<std::string>() : "";
}

Tests read_tests(const Json& row) {
  Tests tests;
  for (const char* const field : {"public_test_cases", "private_test_cases", "input_output", "test"}) {
    if (row.contains(field) && !row[field].is_null()) add_tests(unpack(row[field], field), field, tests);
  }
  if (tests.cases.empty()) {
    throw std::invalid_argument("public_test_cases and private_test_cases, with a test in one of them");
  }
  if (tests.function.empty()) tests.function = function_name(row);
  return tests;
}

// JSON as a Python expression.
std::string in_python(const Json& value) {
  return fmt::format("json.loads({})", Json(value.dump()).dump());
}

// The arguments of a call: a line of JSON each, or a list.
Json arguments(const Json& input) {
  if (input.is_array()) return input;
  const std::string text = input.is_string() ? input.get<std::string>() : input.dump();
  Json out = Json::array();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.size(), text.find('\n', at));
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    out.push_back(Json::parse(line, nullptr, false));
    if (out.back().is_discarded()) throw std::invalid_argument("inputs of a function: a line of JSON each argument");
  }
  return out;
}

Json expected(const Json& output) {
  if (!output.is_string()) return output;
  Json json = Json::parse(output.get_ref<const std::string&>(), nullptr, false);
  if (json.is_discarded()) throw std::invalid_argument("outputs of a function: JSON");
  return json;
}

}  // namespace

Json live_code_bench_tests(const Json& row) {
  const Tests tests = read_tests(row);
  Json fields = Json::object();
  if (tests.function.empty()) {
    Json& cases = fields["test_cases"] = Json::array();
    for (const auto& [input, output] : tests.cases) {
      if (!input.is_string() || !output.is_string()) throw std::invalid_argument("inputs and outputs as texts");
      cases.push_back({{"input", input}, {"output", output}});
    }
    return fields;
  }
  Json& list = fields["test_list"] = Json::array();
  for (const auto& [input, output] : tests.cases) {
    list.push_back(fmt::format("assert Solution().{}(*{}) == {}", tests.function, in_python(arguments(input)),
                               in_python(expected(output))));
  }
  fields["test_setup_code"] = "import json";
  fields["program_imports"] = kImports;
  return fields;
}

}  // namespace hone

// JSON Lines in and out, for the commands that filter them: --input FILE, or standard input where none is given.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace hone::cli {

using Json = nlohmann::ordered_json;

/// Calls `each` with every object and its place ("data.jsonl:17"); blank lines are skipped. Throws Error kInput for a
/// line that is no JSON object.
void read_jsonl(const std::string& path, const std::function<void(Json row, const std::string& place)>& each);

/// Writes one line to stdout; bytes that are not UTF-8 become U+FFFD. Throws Error kFailed when the reader is gone.
void write_jsonl(const Json& row);

/// The text or integer list of a row. Throws Error kInput naming the place when it is missing or of another type.
std::string text_field(const Json& row, const char* key, const std::string& place);
std::vector<int32_t> ids_field(const Json& row, const char* key, const std::string& place);

}  // namespace hone::cli

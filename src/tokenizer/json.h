// The JSON files of a model folder. Values are read through Node, which knows where it stands, so that every complaint
// names file and JSON path. Pure functions and values; thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hone {

using Json = nlohmann::json;

inline constexpr uint64_t kMaxTokenizerBytes = uint64_t{256} << 20;

/// A value and its place. It refers to the document and must not outlive it.
class Node {
 public:
  Node(const Json& json, const std::string& file, std::string path = {})
      : json_(&json), file_(&file), path_(std::move(path)) {}

  /// The member; null where there is none. Refuses what is no object.
  Node operator[](const char* key) const;
  /// The elements of a list. Refuses what is none.
  std::vector<Node> elements() const;

  const Json& json() const { return *json_; }
  const std::string& file() const { return *file_; }
  const std::string& path() const { return path_; }
  bool is_null() const { return json_->is_null(); }

  const std::string& text() const;
  int64_t integer() const;
  bool boolean() const;
  bool boolean_or(bool otherwise) const { return is_null() ? otherwise : boolean(); }
  std::string text_or(const char* otherwise) const { return is_null() ? otherwise : text(); }

  /// Throws Error kInput: "file: path what: got ...".
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const;

 private:
  const Json* json_;
  const std::string* file_;
  std::string path_;
};

/// The lists of a vocabulary, which are too long for a tree of JSON values.
struct VocabularyLists {
  std::vector<std::pair<std::string, int64_t>> ids;           ///< {"token": id}
  std::vector<std::pair<std::string, double>> scores;         ///< [["token", score]]: the ids are the positions
  std::vector<std::pair<std::string, std::string>> merges{};  ///< "a b" or ["a", "b"]
};

struct JsonDocument {
  std::string file;
  Json json;  ///< without what `lists` holds
  VocabularyLists lists;

  Node root() const { return {json, file}; }
};

/// A JSON object. Throws Error kInput for anything else and where the file is missing.
JsonDocument read_json(const std::string& file);
/// The same, or an empty object where there is no such file.
JsonDocument read_json_if_any(const std::string& file);
/// tokenizer.json, whose model.vocab and model.merges go to `lists`.
JsonDocument read_tokenizer_json(const std::string& file);
/// vocab.json, whose members go to `lists.ids`.
JsonDocument read_vocab_json(const std::string& file);

/// The two parts of "a b". Throws Error kInput for anything else.
std::pair<std::string, std::string> split_merge(std::string_view line, const std::string& place);

}  // namespace hone

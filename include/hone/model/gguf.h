// GGUF, the file format of llama.cpp: typed metadata, and tensors that may be quantised in blocks.
//
// Reading is strict, because files come from strangers: every count and length is held against the size of the file
// before anything is allocated. Thread-safe once opened.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hone {

class MappedFile;

class GgufFile {
 public:
  /// Integers of all widths, floats of both; lists of these, of booleans (as integers) or of texts.
  using Value = std::variant<int64_t, double, bool, std::string, std::vector<int64_t>, std::vector<double>,
                             std::vector<std::string>>;

  /// Maps the file (versions 2 and 3, little-endian) and checks its whole header. Throws Error kInput.
  static GgufFile open(const std::filesystem::path& path);

  /// Nothing when the key is absent; throws Error kInput naming it when its value is of another type. An integer is
  /// also a number.
  std::optional<int64_t> integer(const std::string& key) const;
  std::optional<double> number(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  const std::vector<std::string>* texts(const std::string& key) const;
  const std::vector<int64_t>* integers(const std::string& key) const;
  const std::vector<double>* numbers(const std::string& key) const;

  struct Entry {
    uint32_t type;
    std::vector<int64_t> shape;  ///< as PyTorch counts: the last dimension is the one that lies together
    uint64_t begin;              ///< from the start of the file
  };
  const std::map<std::string, Entry>& tensors() const { return tensors_; }
  /// Its values, float32. Throws Error kInput when there is no such tensor.
  at::Tensor tensor(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  GgufFile() = default;
  const Value* find(const std::string& key) const;
  template <class T>
  const T* get(const std::string& key, std::string_view expected) const;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Value> metadata_;
  std::map<std::string, Entry> tensors_;
};

}  // namespace hone

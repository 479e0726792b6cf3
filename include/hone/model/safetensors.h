// The safetensors file format (Hugging Face): u64 header length, JSON header, raw little-endian row-major tensors.
//
// Reading is strict, because weights come from strangers: the header is bounded, each byte of the data belongs to
// exactly one tensor, and anything unknown is refused. Dtypes: BOOL U8 I8 I16 I32 I64 F16 BF16 F32 F64. Thread-safe
// once opened.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hone {

class FileWriter;
class MappedFile;

class SafetensorsFile {
 public:
  /// Maps the file and checks its whole header. Throws Error kInput.
  static SafetensorsFile open(const std::filesystem::path& path);

  /// Sorted.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// A copy of its own. Throws Error kInput when there is no such tensor.
  at::Tensor tensor(const std::string& name) const;
  /// Without a copy where alignment allows: reads from the mapping, which it keeps alive. Writing to it crashes.
  at::Tensor view(const std::string& name) const;
  /// The strings of `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

  /// Where a tensor lies; offsets count from the start of the file.
  struct Entry {
    at::ScalarType dtype;
    std::vector<int64_t> shape;
    uint64_t begin, end;
  };
  /// Nothing of the tensor itself is read. Throws Error kInput when there is no such tensor.
  const Entry& entry(const std::string& name) const;
  /// Gives the memory of the bytes [begin, end) of a tensor back, as MappedFile::forget() does.
  void forget(const Entry& entry, uint64_t begin, uint64_t end) const;

 private:
  SafetensorsFile() = default;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;
using SafetensorsMetadata = std::map<std::string, std::string>;

/// Writes to an open file; the bytes are a function of the arguments, whatever the order of `tensors`, and equal those
/// of Hugging Face's writer for up to one entry of metadata. Tensors on a device are copied to the host one by one.
/// Throws Error kInput for a name given twice or a dtype that the format lacks.
void write_safetensors(FileWriter& file, const NamedTensors& tensors,
                       const SafetensorsMetadata& metadata = {{"format", "pt"}});
/// Replaces the file atomically and durably.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const SafetensorsMetadata& metadata = {{"format", "pt"}});

}  // namespace hone

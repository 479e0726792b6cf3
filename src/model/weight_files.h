// The weights of a Hugging Face folder: model.safetensors, or the shards that model.safetensors.index.json names.
//
// The files stay mapped; nothing of a tensor is read before it is asked for. Folders come from strangers: a shard is a
// plain file of the folder, and each tensor lies where the index says.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "hone/model/safetensors.h"

namespace hone {

class WeightFiles {
 public:
  /// Throws Error kInput.
  static WeightFiles open(const std::string& folder);

  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return places_.contains(name); }
  /// The file that holds a tensor, for messages; the folder's main file for one that is missing.
  std::string place(const std::string& name) const;
  /// Throws Error kInput unless the tensor is there, in fp32, bf16 or fp16, with this shape.
  void check(const std::string& name, const std::vector<int64_t>& shape) const;
  bool is_bf16(const std::string& name) const { return entry(name).dtype == at::kBFloat16; }
  /// Rows of a checked tensor (a vector counts as one row) as fp32, a piece at a time: use(first_row, rows[n, in]) says
  /// whether all were finite; memory of a piece is given back after it. Throws Error kInput where they were not.
  template <class Use>
  void read(const std::string& name, Use use) const;

  /// Whether two tensors of the same shape hold the same bytes.
  bool equal(const std::string& a, const std::string& b) const;

 private:
  const SafetensorsFile::Entry& entry(const std::string& name) const { return files_[places_.at(name)].entry(name); }
  /// How many rows make a piece of about a megabyte.
  static int64_t piece_rows(const SafetensorsFile::Entry& entry);
  [[noreturn]] void throw_not_finite(const std::string& name) const;

  std::string main_;  // model.safetensors, or the index
  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t> places_;
};

template <class Use>
void WeightFiles::read(const std::string& name, Use use) const {
  const SafetensorsFile& file = files_[places_.at(name)];
  const SafetensorsFile::Entry& entry = file.entry(name);
  const at::Tensor stored = file.view(name);
  const at::Tensor rows = stored.dim() == 2 ? stored : stored.view({1, -1});
  const auto row_bytes = static_cast<uint64_t>(rows.size(1)) * stored.element_size();
  for (int64_t first = 0; first < rows.size(0); first += piece_rows(entry)) {
    const int64_t count = std::min(piece_rows(entry), rows.size(0) - first);
    if (!use(first, rows.narrow(0, first, count))) throw_not_finite(name);
    const auto begin = static_cast<uint64_t>(first) * row_bytes;
    file.forget(entry, begin, begin + static_cast<uint64_t>(count) * row_bytes);
  }
}

}  // namespace hone

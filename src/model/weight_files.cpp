#include "model/weight_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "hone/core/error.h"
#include "model/json_config.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "/model.safetensors";
constexpr const char* kIndex = "/model.safetensors.index.json";
constexpr int64_t kMaxIndexBytes = int64_t{1} << 26;

// A shard is a plain file name: an index must not reach out of its folder.
void check_shard_name(const std::string& name, const std::string& place) {
  HONE_CHECK(name.ends_with(".safetensors") && name.find('/') == std::string::npos && !name.starts_with('.') &&
                 name.find('\0') == std::string::npos && name.size() < 256,
             .what = "the index names a shard that is not a plain file name", .place = place,
             .got = Json(name).dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 200),
             .expected = "NAME.safetensors");
}

SafetensorsFile open_plain(const std::string& path) {
  // Links are followed, because Hugging Face's cache is made of them; a device or a pipe would never end.
  std::error_code error;
  HONE_CHECK(fs::exists(path, error), .what = "file is missing", .place = path,
             .hint = "the download or copy did not finish");
  HONE_CHECK(fs::is_regular_file(path, error), .what = "not a regular file", .place = path);
  return SafetensorsFile::open(path);
}

[[noreturn]] void throw_no_weights(const std::string& folder) {
  std::error_code error;
  const bool pickles =
      fs::exists(folder + "/pytorch_model.bin", error) || fs::exists(folder + "/pytorch_model.bin.index.json", error);
  throw_input({.what = pickles ? "holds its weights as pickles only" : "holds no model.safetensors",
               .place = folder,
               .hint = pickles ? "convert them with transformers: save_pretrained(FOLDER)" : ""});
}

}  // namespace

WeightFiles WeightFiles::open(const std::string& folder) {
  WeightFiles result;
  std::error_code error;
  if (fs::exists(folder + kSingle, error)) {
    result.main_ = folder + kSingle;
    result.files_.push_back(open_plain(result.main_));
    for (const std::string& name : result.files_[0].names()) result.places_[name] = 0;
    return result;
  }
  result.main_ = folder + kIndex;
  if (!fs::exists(result.main_, error)) throw_no_weights(folder);
  const auto index = JsonConfig::load(result.main_, kMaxIndexBytes).object("weight_map");
  HONE_CHECK(index && !index->json().empty(), .what = "'weight_map' is missing or empty", .place = result.main_);
  std::map<std::string, size_t> shards;
  for (const auto& [name, shard] : index->json().items()) {
    HONE_CHECK(shard.is_string(), .what = "'weight_map' must hold file names", .place = result.main_,
               .got = shard.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 200));
    const auto shard_name = shard.get<std::string>();
    if (!shards.contains(shard_name)) {
      check_shard_name(shard_name, result.main_);
      shards[shard_name] = result.files_.size();
      result.files_.push_back(open_plain(folder + "/" + shard_name));
    }
    const size_t file = shards[shard_name];
    HONE_CHECK(result.files_[file].has(name),
               .what = fmt::format("tensor '{}' is not in the shard that the index names", name.substr(0, 200)),
               .place = result.main_, .got = shard_name);
    result.places_[name] = file;
  }
  return result;
}

std::vector<std::string> WeightFiles::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : places_) names.push_back(name);
  return names;
}

std::string WeightFiles::place(const std::string& name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? main_ : files_[found->second].path().string();
}

void WeightFiles::check(const std::string& name, const std::vector<int64_t>& shape) const {
  HONE_CHECK(has(name), .what = fmt::format("tensor '{}' is missing", name), .place = main_,
             .hint = "config.json and the weights do not belong together");
  const SafetensorsFile::Entry& entry = this->entry(name);
  HONE_CHECK(entry.shape == shape, .what = fmt::format("tensor '{}' has the wrong shape", name), .place = place(name),
             .got = fmt::format("[{}]", fmt::join(entry.shape, ", ")),
             .expected = fmt::format("[{}], by config.json", fmt::join(shape, ", ")));
  const bool known = entry.dtype == at::kFloat || entry.dtype == at::kBFloat16 || entry.dtype == at::kHalf;
  HONE_CHECK(known, .what = fmt::format("tensor '{}' has a type that is not supported", name), .place = place(name),
             .got = c10::toString(entry.dtype), .expected = "F32, BF16 or F16");
}

bool WeightFiles::equal(const std::string& a, const std::string& b) const {
  const SafetensorsFile &file_a = files_[places_.at(a)], &file_b = files_[places_.at(b)];
  const at::Tensor x = file_a.view(a), y = file_b.view(b);
  const bool same = x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() &&
                    std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
  file_a.forget(file_a.entry(a), 0, x.nbytes());
  file_b.forget(file_b.entry(b), 0, y.nbytes());
  return same;
}

int64_t WeightFiles::piece_rows(const SafetensorsFile::Entry& entry) {
  constexpr int64_t kPieceBytes = 1 << 20, kPanel = 16;
  if (entry.shape.size() != 2) return 1;
  const auto row = static_cast<int64_t>(entry.end - entry.begin) / entry.shape[0];
  return std::max(kPanel, kPieceBytes / row / kPanel * kPanel);
}

void WeightFiles::throw_not_finite(const std::string& name) const {
  throw_input(
      {.what = fmt::format("the weights hold NaN or infinite values, in tensor '{}'", name), .place = place(name)});
}

}  // namespace hone

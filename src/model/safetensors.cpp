#include "hone/model/safetensors.h"

#include <fmt/ranges.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian and is mapped as it is");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr uint64_t kAlignment = 8;
constexpr size_t kMaxRank = 64;

struct Dtype {
  std::string_view name;
  at::ScalarType type;
  uint64_t bytes;
};

/// In the reference implementation's order, by which its writer sorts (descending).
constexpr std::array<Dtype, 10> kDtypes = {{{"BOOL", at::kBool, 1},
                                            {"U8", at::kByte, 1},
                                            {"I8", at::kChar, 1},
                                            {"I16", at::kShort, 2},
                                            {"F16", at::kHalf, 2},
                                            {"BF16", at::kBFloat16, 2},
                                            {"I32", at::kInt, 4},
                                            {"F32", at::kFloat, 4},
                                            {"F64", at::kDouble, 8},
                                            {"I64", at::kLong, 8}}};
constexpr std::string_view kDtypeNames = "one of BOOL U8 I8 I16 I32 I64 F16 BF16 F32 F64";

const Dtype* find_dtype(std::string_view name) {
  const auto* const found =
      std::find_if(kDtypes.begin(), kDtypes.end(), [name](const Dtype& dtype) { return dtype.name == name; });
  return found == kDtypes.end() ? nullptr : found;
}

const Dtype* find_dtype(at::ScalarType type) {
  const auto* const found =
      std::find_if(kDtypes.begin(), kDtypes.end(), [type](const Dtype& dtype) { return dtype.type == type; });
  return found == kDtypes.end() ? nullptr : found;
}

/// A name from a file as part of a message: short, quoted, without control characters.
std::string in_quotes(std::string_view name) {
  const auto text =
      nlohmann::json(std::string(name.substr(0, 200))).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return name.size() > 200 ? text + "..." : text;
}

/// One tensor as the header describes it, offsets counting from the start of the data.
struct Described {
  std::string name;
  const Dtype* dtype = nullptr;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> offsets;
};

/// Reads the header event by event: whatever does not belong there ends the reading at once, so that nesting and size
/// stay bounded, and a name given twice is seen.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string place) : place_(std::move(place)) {}

  std::vector<Described> tensors;
  std::map<std::string, std::string> metadata;

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a number that is no 64-bit integer"); }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != Level::kList) return refuse("a number");
    (field_ == Field::kShape ? tensors.back().shape : tensors.back().offsets).push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (level_ == Level::kMetadata) {
      metadata[key_] = value;
      return true;
    }
    if (level_ != Level::kTensor || field_ != Field::kDtype) return refuse("a string");
    tensors.back().dtype = find_dtype(value);
    HONE_CHECK(tensors.back().dtype != nullptr, .what = "dtype is not supported", .place = where(),
               .got = in_quotes(value), .expected = std::string(kDtypeNames));
    return true;
  }

  bool start_object(std::size_t) override {
    if (level_ == Level::kOutside) {
      level_ = Level::kHeader;
    } else if (level_ == Level::kHeader) {
      level_ = key_ == "__metadata__" ? Level::kMetadata : Level::kTensor;
      fields_seen_ = 0;
    } else {
      return refuse("an object");
    }
    return true;
  }

  bool end_object() override {
    if (level_ == Level::kTensor) {
      HONE_CHECK(fields_seen_ == 7, .what = "tensor lacks a field", .place = where(),
                 .expected = "dtype, shape and data_offsets");
      HONE_CHECK(tensors.back().offsets.size() == 2, .what = "data_offsets has the wrong length", .place = where(),
                 .got = std::to_string(tensors.back().offsets.size()), .expected = "2 numbers");
    }
    level_ = level_ == Level::kHeader ? Level::kOutside : Level::kHeader;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != Level::kTensor || field_ == Field::kDtype) return refuse("a list");
    level_ = Level::kList;
    return true;
  }
  bool end_array() override {
    level_ = Level::kTensor;
    return true;
  }

  bool key(string_t& value) override {
    if (level_ == Level::kTensor) return tensor_key(value);
    key_ = value;
    if (level_ == Level::kMetadata) {
      HONE_CHECK(!metadata.contains(value), .what = "metadata key given twice", .place = place_,
                 .got = in_quotes(value));
      return true;
    }
    HONE_CHECK(names_.insert(value).second, .what = "tensor given twice", .place = place_, .got = in_quotes(value));
    if (value != "__metadata__") tensors.push_back({.name = value, .dtype = nullptr, .shape = {}, .offsets = {}});
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    throw_input({.what = fmt::format("header is not JSON at its byte {}", position), .place = place_});
  }

 private:
  enum class Level { kOutside, kHeader, kMetadata, kTensor, kList };
  enum class Field { kDtype, kShape, kOffsets };

  std::string where() const { return key_.empty() ? place_ : fmt::format("{}: {}", place_, in_quotes(key_)); }

  bool refuse(std::string_view found) {
    throw_input({.what = fmt::format("header has {} where the format has none", found), .place = where()});
  }

  bool tensor_key(const std::string& name) {
    constexpr std::array<std::string_view, 3> kFields = {"dtype", "shape", "data_offsets"};
    const auto found = std::find(kFields.begin(), kFields.end(), name);
    HONE_CHECK(found != kFields.end(), .what = "unknown field of a tensor", .place = where(), .got = in_quotes(name),
               .expected = "dtype, shape and data_offsets");
    const auto index = static_cast<unsigned>(found - kFields.begin());
    HONE_CHECK((fields_seen_ >> index & 1U) == 0, .what = "field given twice", .place = where(), .got = name);
    fields_seen_ |= 1U << index;
    field_ = static_cast<Field>(index);
    return true;
  }

  std::string place_;
  Level level_ = Level::kOutside;
  Field field_ = Field::kDtype;
  unsigned fields_seen_ = 0;
  std::string key_;
  std::set<std::string> names_;
};

/// Bytes of a tensor by its shape, checked for overflow.
uint64_t byte_count(const Described& tensor, const std::string& place) {
  // Sizes of 0 count as 1 here: torch multiplies the others for the strides.
  uint64_t extent = tensor.dtype->bytes;
  bool fits = tensor.shape.size() <= kMaxRank, empty = false;
  for (const uint64_t size : tensor.shape) {
    fits = fits && !__builtin_mul_overflow(extent, std::max<uint64_t>(size, 1), &extent);
    empty = empty || size == 0;
  }
  HONE_CHECK(fits && extent <= uint64_t{std::numeric_limits<int64_t>::max()}, .what = "shape is too large",
             .place = fmt::format("{}: {}", place, in_quotes(tensor.name)),
             .got = nlohmann::json(tensor.shape).dump().substr(0, 200));
  return empty ? 0 : extent;
}

/// Checks that the tensors, ordered by offset, cover `data_bytes` without gap or overlap.
void check_layout(std::vector<Described>& tensors, uint64_t data_bytes, const std::string& place) {
  std::sort(tensors.begin(), tensors.end(),
            [](const Described& a, const Described& b) { return a.offsets < b.offsets; });
  uint64_t position = 0;
  for (const Described& tensor : tensors) {
    const std::string where = fmt::format("{}: {}", place, in_quotes(tensor.name));
    const uint64_t begin = tensor.offsets[0], end = tensor.offsets[1];
    HONE_CHECK(begin == position && end >= begin, .what = "data_offsets leave a gap or overlap", .place = where,
               .got = fmt::format("[{}, {}]", begin, end), .expected = fmt::format("a start at {}", position));
    const uint64_t bytes = byte_count(tensor, place);
    HONE_CHECK(end - begin == bytes, .what = "data_offsets do not fit dtype and shape", .place = where,
               .got = fmt::format("{} bytes", end - begin), .expected = std::to_string(bytes));
    position = end;
  }
  HONE_CHECK(position <= data_bytes, .what = fmt::format("file is {} bytes short", position - data_bytes),
             .place = place, .hint = "the download or copy did not finish");
  HONE_CHECK(position == data_bytes,
             .what = fmt::format("file has {} bytes after the last tensor", data_bytes - position), .place = place);
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.path_ = path;
  result.file_ = std::make_shared<const MappedFile>(path);
  const std::string_view bytes = result.file_->bytes();
  const std::string place = path.string();

  HONE_CHECK(bytes.size() >= kLengthBytes, .what = "file is too short to be a safetensors file", .place = place,
             .got = fmt::format("{} bytes", bytes.size()));
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  HONE_CHECK(header_bytes <= kMaxHeaderBytes, .what = "not a safetensors file, or a header that is too long",
             .place = place, .got = fmt::format("{} bytes", header_bytes),
             .expected = fmt::format("at most {}", kMaxHeaderBytes));
  HONE_CHECK(header_bytes <= bytes.size() - kLengthBytes,
             .what = fmt::format("file is {} bytes short of its header", header_bytes - (bytes.size() - kLengthBytes)),
             .place = place, .hint = "the download or copy did not finish");
  const std::string_view header = bytes.substr(kLengthBytes, header_bytes);
  HONE_CHECK(header.starts_with('{'), .what = "header does not start with '{'", .place = place);

  HeaderReader reader(place);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  const uint64_t data_begin = kLengthBytes + header_bytes;
  check_layout(reader.tensors, bytes.size() - data_begin, place);
  for (Described& tensor : reader.tensors) {
    result.entries_[tensor.name] = {.dtype = tensor.dtype->type,
                                    .shape = {tensor.shape.begin(), tensor.shape.end()},
                                    .begin = data_begin + tensor.offsets[0],
                                    .end = data_begin + tensor.offsets[1]};
  }
  result.metadata_ = std::move(reader.metadata);
  return result;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  return view(name).clone();
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  HONE_CHECK(found != entries_.end(), .what = fmt::format("tensor {} is missing", in_quotes(name)),
             .place = path_.string());
  return found->second;
}

void SafetensorsFile::forget(const Entry& entry, uint64_t begin, uint64_t end) const {
  file_->forget(file_->bytes().substr(entry.begin + begin, end - begin));
}

at::Tensor SafetensorsFile::view(const std::string& name) const {
  const Entry& entry = this->entry(name);
  const std::string_view bytes = file_->bytes().substr(entry.begin, entry.end - entry.begin);
  if (entry.dtype == at::kBool) {
    // Another value in a bool is undefined behaviour in C++.
    HONE_CHECK(std::all_of(bytes.begin(), bytes.end(), [](char value) { return value == 0 || value == 1; }),
               .what = fmt::format("tensor {} of dtype BOOL has bytes other than 0 and 1", in_quotes(name)),
               .place = path_.string());
  }
  if (bytes.empty() || entry.begin % find_dtype(entry.dtype)->bytes != 0) {
    at::Tensor copy = at::empty(entry.shape, at::TensorOptions(entry.dtype));
    if (!bytes.empty()) std::memcpy(copy.data_ptr(), bytes.data(), bytes.size());
    return copy;
  }
  return at::from_blob(
      const_cast<char*>(bytes.data()), entry.shape, [keep = file_](void*) {}, at::TensorOptions(entry.dtype));
}

void write_safetensors(FileWriter& file, const NamedTensors& tensors, const SafetensorsMetadata& metadata) {
  using Item = std::pair<const Dtype*, const std::pair<std::string, at::Tensor>*>;
  std::vector<Item> items;
  for (const auto& named : tensors) {
    const auto& [name, tensor] = named;
    HONE_CHECK(name != "__metadata__", .what = "a tensor cannot have the name \"__metadata__\"",
               .place = file.path().string());
    HONE_ASSERT(tensor.defined() && tensor.layout() == at::kStrided, "tensor {}", name);
    const Dtype* const dtype = find_dtype(tensor.scalar_type());
    HONE_CHECK(dtype != nullptr, .what = fmt::format("dtype of tensor {} is not supported", in_quotes(name)),
               .place = file.path().string(), .got = c10::toString(tensor.scalar_type()),
               .expected = std::string(kDtypeNames));
    items.emplace_back(dtype, &named);
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.first != b.first ? a.first > b.first : a.second->first < b.second->first;
  });

  std::string text = "{";
  if (!metadata.empty()) text += R"("__metadata__":)" + nlohmann::json(metadata).dump();
  std::set<std::string_view> seen;
  uint64_t position = 0;
  for (const auto& [dtype, named] : items) {
    const auto& [name, tensor] = *named;
    HONE_CHECK(seen.insert(name).second, .what = fmt::format("tensor {} is given twice", in_quotes(name)),
               .place = file.path().string());
    const uint64_t end = position + tensor.nbytes();
    text += fmt::format(R"({}{}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", text.size() > 1 ? "," : "",
                        nlohmann::json(name).dump(), dtype->name, nlohmann::json(tensor.sizes().vec()).dump(), position,
                        end);
    position = end;
  }
  text += '}';
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');

  const uint64_t length = text.size();
  file.write({reinterpret_cast<const char*>(&length), kLengthBytes});
  file.write(text);
  for (const auto& [dtype, named] : items) {
    const at::Tensor host = named->second.detach().cpu().contiguous();
    if (host.nbytes() > 0) file.write({static_cast<const char*>(host.const_data_ptr()), host.nbytes()});
  }
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const SafetensorsMetadata& metadata) {
  write_atomic(path, [&](FileWriter& file) { write_safetensors(file, tensors, metadata); });
}

}  // namespace hone

#include "hone/model/gguf.h"

#include <ATen/ops/empty.h>

#include <bit>
#include <cstring>
#include <limits>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/kernels/parallel.h"
#include "model/gguf/quants.h"

namespace hone {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian and is read as it is");

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr int64_t kMaxDimensions = 4;
constexpr uint64_t kDefaultAlignment = 32;

enum class Type : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kText, kList, kU64, kI64, kF64 };

/// Takes values off the front of the file.
class Cursor {
 public:
  Cursor(std::string_view bytes, std::string place) : bytes_(bytes), place_(std::move(place)) {}

  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, bytes_.data() + advance(sizeof(T)), sizeof(T));
    return value;
  }
  std::string text() {
    const auto length = take<uint64_t>();
    return std::string(bytes_.substr(advance(length), length));
  }
  /// A count of things of at least so many bytes each.
  uint64_t count(uint64_t bytes_each) {
    const auto n = take<uint64_t>();
    HONE_CHECK(n <= (bytes_.size() - at_) / bytes_each, .what = "more elements are announced than the file can hold",
               .place = where(), .got = std::to_string(n));
    return n;
  }
  uint64_t at() const { return at_; }
  std::string where() const { return fmt::format("{}, byte {}", place_, at_); }

 private:
  size_t advance(uint64_t n) {
    HONE_CHECK(n <= bytes_.size() - at_, .what = "the file ends within its header", .place = where());
    const size_t from = at_;
    at_ += n;
    return from;
  }

  std::string_view bytes_;
  std::string place_;
  size_t at_ = 0;
};

// The value of a scalar type as T, which holds all of them (or, for 64 unsigned bits, nearly).
template <class T>
T take_scalar(Cursor& cursor, Type type) {
  switch (type) {
    case Type::kU8:
    case Type::kBool:
      return static_cast<T>(cursor.take<uint8_t>());
    case Type::kI8:
      return static_cast<T>(cursor.take<int8_t>());
    case Type::kU16:
      return static_cast<T>(cursor.take<uint16_t>());
    case Type::kI16:
      return static_cast<T>(cursor.take<int16_t>());
    case Type::kU32:
      return static_cast<T>(cursor.take<uint32_t>());
    case Type::kI32:
      return static_cast<T>(cursor.take<int32_t>());
    case Type::kF32:
      return static_cast<T>(cursor.take<float>());
    case Type::kF64:
      return static_cast<T>(cursor.take<double>());
    case Type::kU64:
    case Type::kI64:
      return static_cast<T>(cursor.take<int64_t>());
    default:
      throw_input({.what = "unknown type of value", .place = cursor.where()});
  }
}

bool is_float(Type type) {
  return type == Type::kF32 || type == Type::kF64;
}

template <class T, class Take>
std::vector<T> take_list(Cursor& cursor, uint64_t bytes_each, Take take) {
  std::vector<T> list(cursor.count(bytes_each));
  for (auto& element : list) element = take();
  return list;
}

GgufFile::Value take_value(Cursor& cursor) {
  const auto type = static_cast<Type>(cursor.take<uint32_t>());
  if (type == Type::kText) return cursor.text();
  if (type == Type::kBool) return cursor.take<uint8_t>() != 0;
  if (type != Type::kList) {
    if (is_float(type)) return take_scalar<double>(cursor, type);
    return take_scalar<int64_t>(cursor, type);
  }
  const auto of = static_cast<Type>(cursor.take<uint32_t>());
  HONE_CHECK(of != Type::kList, .what = "a list of lists", .place = cursor.where());
  if (of == Type::kText) return take_list<std::string>(cursor, 8, [&] { return cursor.text(); });
  if (is_float(of)) return take_list<double>(cursor, 4, [&] { return take_scalar<double>(cursor, of); });
  return take_list<int64_t>(cursor, 1, [&] { return take_scalar<int64_t>(cursor, of); });
}

int64_t elements(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

// Name, dimensions (innermost first), type, offset into the data.
std::pair<std::string, GgufFile::Entry> take_tensor(Cursor& cursor) {
  std::string name = cursor.text();
  GgufFile::Entry entry{};
  const auto dimensions = cursor.take<uint32_t>();
  HONE_CHECK(dimensions >= 1 && dimensions <= kMaxDimensions,
             .what = fmt::format("tensor '{}' has {} dimensions", name, dimensions), .place = cursor.where(),
             .expected = fmt::format("1 to {}", kMaxDimensions));
  int64_t total = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const auto size = cursor.take<int64_t>();
    HONE_CHECK(size >= 1 && total <= std::numeric_limits<int64_t>::max() / 8 / size,
               .what = fmt::format("tensor '{}' has an impossible shape", name), .place = cursor.where(),
               .got = std::to_string(size));
    total *= size;
    entry.shape.insert(entry.shape.begin(), size);
  }
  entry.type = cursor.take<uint32_t>();
  const gguf::TensorType* const type = gguf::find_type(entry.type);
  HONE_CHECK(type != nullptr, .what = fmt::format("tensor '{}' is of a type that is not supported", name),
             .place = cursor.where(), .got = fmt::format("type {}", entry.type),
             .expected = std::string(gguf::supported_types()));
  HONE_CHECK(entry.shape.back() % type->values == 0,
             .what = fmt::format("a row of tensor '{}' is no whole number of blocks", name), .place = cursor.where(),
             .got = fmt::format("{} values of {}", entry.shape.back(), type->name));
  entry.begin = cursor.take<uint64_t>();
  return {std::move(name), std::move(entry)};
}

}  // namespace

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile file;
  file.path_ = path;
  file.file_ = std::make_shared<const MappedFile>(path);
  const std::string_view bytes = file.file_->bytes();
  Cursor cursor(bytes, path.string());
  HONE_CHECK(bytes.size() >= 4 && cursor.take<uint32_t>() == kMagic, .what = "not a GGUF file", .place = path.string());
  const auto version = cursor.take<uint32_t>();
  HONE_CHECK(version == 2 || version == 3, .what = "unknown version of GGUF", .place = path.string(),
             .got = std::to_string(version), .expected = "2 or 3, little-endian");
  const uint64_t tensors = cursor.count(/*bytes_each=*/24), values = cursor.count(/*bytes_each=*/13);
  for (uint64_t i = 0; i < values; ++i) {
    std::string key = cursor.text();
    Value value = take_value(cursor);
    const auto [at, fresh] = file.metadata_.emplace(std::move(key), std::move(value));
    HONE_CHECK(fresh, .what = fmt::format("the key '{}' is there twice", at->first), .place = path.string());
  }
  for (uint64_t i = 0; i < tensors; ++i) {
    const auto [at, fresh] = file.tensors_.insert(take_tensor(cursor));
    HONE_CHECK(fresh, .what = fmt::format("the tensor '{}' is there twice", at->first), .place = path.string());
  }
  const int64_t alignment = file.integer("general.alignment").value_or(kDefaultAlignment);
  HONE_CHECK(alignment >= 1 && alignment <= (1 << 20), .what = "general.alignment", .place = path.string(),
             .got = std::to_string(alignment));
  const auto step = static_cast<uint64_t>(alignment);
  const uint64_t data = (cursor.at() + step - 1) / step * step;
  for (auto& [name, entry] : file.tensors_) {
    const gguf::TensorType& type = *gguf::find_type(entry.type);
    const uint64_t size = static_cast<uint64_t>(elements(entry.shape) / type.values * type.bytes);
    const bool inside =
        data <= bytes.size() && entry.begin <= bytes.size() - data && size <= bytes.size() - data - entry.begin;
    HONE_CHECK(inside, .what = fmt::format("tensor '{}' does not lie in the file", name), .place = path.string(),
               .hint = "the file may have been cut off while it was copied");
    entry.begin += data;
  }
  return file;
}

const GgufFile::Value* GgufFile::find(const std::string& key) const {
  const auto at = metadata_.find(key);
  return at == metadata_.end() ? nullptr : &at->second;
}

template <class T>
const T* GgufFile::get(const std::string& key, std::string_view expected) const {
  const Value* const value = find(key);
  if (value == nullptr) return nullptr;
  const T* const typed = std::get_if<T>(value);
  HONE_CHECK(typed != nullptr, .what = fmt::format("the key '{}' has a value of another type", key),
             .place = path_.string(), .got = {}, .expected = std::string(expected));
  return typed;
}

std::optional<int64_t> GgufFile::integer(const std::string& key) const {
  const auto* const value = get<int64_t>(key, "an integer");
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<double> GgufFile::number(const std::string& key) const {
  const Value* const value = find(key);
  if (value != nullptr && std::holds_alternative<int64_t>(*value))
    return static_cast<double>(std::get<int64_t>(*value));
  const auto* const typed = get<double>(key, "a number");
  return typed != nullptr ? std::optional(*typed) : std::nullopt;
}

std::optional<bool> GgufFile::boolean(const std::string& key) const {
  const auto* const value = get<bool>(key, "a boolean");
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::string> GgufFile::text(const std::string& key) const {
  const auto* const value = get<std::string>(key, "a text");
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

const std::vector<std::string>* GgufFile::texts(const std::string& key) const {
  return get<std::vector<std::string>>(key, "a list of texts");
}

const std::vector<int64_t>* GgufFile::integers(const std::string& key) const {
  return get<std::vector<int64_t>>(key, "a list of integers");
}

const std::vector<double>* GgufFile::numbers(const std::string& key) const {
  return get<std::vector<double>>(key, "a list of numbers");
}

at::Tensor GgufFile::tensor(const std::string& name) const {
  const auto at = tensors_.find(name);
  HONE_CHECK(at != tensors_.end(), .what = fmt::format("tensor '{}' is missing", name), .place = path_.string());
  const Entry& entry = at->second;
  const gguf::TensorType& type = *gguf::find_type(entry.type);
  at::Tensor out = at::empty(entry.shape, at::kFloat);
  float* const values = out.data_ptr<float>();
  const auto* const blocks = reinterpret_cast<const uint8_t*>(file_->bytes().data() + entry.begin);
  const int64_t row = entry.shape.back(), rows = out.numel() / row;
  kernels::parallel(rows, 4 * row, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin * row / type.values; b < end * row / type.values; ++b) {
      type.unpack(blocks + b * type.bytes, values + b * type.values);
    }
  });
  return out;
}

}  // namespace hone

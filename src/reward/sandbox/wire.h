// The bytes between the caller, the supervisor and the first process of a box: numbers and strings in order, in the
// machine's own layout (all three run on one machine). Reading never goes past the end; it throws std::runtime_error
// instead. Header-only, thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hone::sandbox {

class Writer {
 public:
  template <class T>
  Writer& number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& text(std::string_view value) {
    number<uint64_t>(value.size());
    bytes_.append(value);
    return *this;
  }
  Writer& texts(const std::vector<std::string>& values) {
    number<uint64_t>(values.size());
    for (const std::string& value : values) text(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(take(number<uint64_t>())); }
  std::vector<std::string> texts() {
    std::vector<std::string> values;
    for (auto n = number<uint64_t>(); n > 0; --n) values.push_back(text());
    return values;
  }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) throw std::runtime_error("a message of the sandbox is cut off");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
};

}  // namespace hone::sandbox

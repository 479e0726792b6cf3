// The tensor types of GGUF: blocks of values that share scales (ggml's formats, as its reference code defines them).
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace hone::gguf {

struct TensorType {
  uint32_t number;  ///< in the file
  std::string_view name;
  int64_t values, bytes;  ///< of a block
  void (*unpack)(const uint8_t* block, float* values);
};

/// Nothing for a type that is not supported.
const TensorType* find_type(uint32_t number);
/// "F32, F16, ..." for messages.
std::string_view supported_types();

}  // namespace hone::gguf

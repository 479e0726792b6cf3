// A part of a vector that is spread over ranks. A plain struct.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace hone::dist {

/// Elements [begin, begin + values.numel()) of the vector `name`.
struct Piece {
  std::string name;
  int64_t begin = 0;
  at::Tensor values;
};

}  // namespace hone::dist

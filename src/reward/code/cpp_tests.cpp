#include "reward/code/judging.h"

namespace hone::code {
CodeVerdict Judging::judge_cpp(const Language&, const FunctionTests&, const std::string&) const {
  return sandbox_error("todo");
}
}  // namespace hone::code

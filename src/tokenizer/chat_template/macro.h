// A macro, or the body of a call block, with the scope in which it was defined.
#pragma once

#include <memory>
#include <string>

namespace hone::jinja {

struct Statement;
struct Scope;

struct Macro {
  std::string name;        ///< empty for the body of a call block
  const Statement* block;  ///< parameters, defaults and body
  std::shared_ptr<Scope> scope;
};

}  // namespace hone::jinja

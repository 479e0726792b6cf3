// The variable `loop` of a for block, which drives the block as well.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tokenizer/chat_template/value.h"

namespace hone::jinja {

struct Statement;
struct Scope;

class Loop {
 public:
  /// `block` and `scope` are set for a recursive loop: what to run again, and where.
  Loop(Value iterable, Next next, int64_t depth0, const Statement* block, std::shared_ptr<Scope> scope)
      : iterable_(std::move(iterable)),
        next_(std::move(next)),
        depth0_(depth0),
        block_(block),
        scope_(std::move(scope)) {
    value_depth_ = depth_of(iterable_) + 1;
    if (value_depth_ > kMaxValueDepth) fail(too_deep());
  }

  /// Goes to the next element; false at the end.
  bool advance();
  const Value& current() const { return current_; }
  int64_t index() const { return index0_ + 1; }
  int64_t length();
  /// loop.index and the like; nothing for what is no attribute. cycle and changed are methods.
  std::optional<Value> attribute(std::string_view name);
  Value cycle(const Values& items) const;
  bool changed(const Values& items, Budget& budget);

  /// Lets go of what a loop that has ended cannot need: its scope could hold the loop itself.
  void finish();

  int value_depth() const { return value_depth_; }
  int64_t depth0() const { return depth0_; }
  const Statement* block() const { return block_; }
  const std::shared_ptr<Scope>& scope() const { return scope_; }

 private:
  static std::string too_deep();
  bool peek();

  Value iterable_;
  Next next_;
  int64_t depth0_;
  const Statement* block_;
  std::shared_ptr<Scope> scope_;
  int value_depth_;
  int64_t index0_ = -1;
  std::optional<int64_t> length_;
  std::optional<Value> after_;  ///< taken from next_ before its turn
  Value current_, before_;
  std::optional<Values> last_changed_;
};

}  // namespace hone::jinja

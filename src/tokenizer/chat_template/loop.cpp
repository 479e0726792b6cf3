#include "tokenizer/chat_template/loop.h"

#include <fmt/format.h>

namespace hone::jinja {

std::string Loop::too_deep() {
  return fmt::format("values nest more than {} deep", kMaxValueDepth);
}

bool Loop::advance() {
  Value item;
  if (after_) {
    item = std::move(*after_);
    after_.reset();
  } else if (!next_(item)) {
    return false;
  }
  ++index0_;
  before_ = std::move(current_);
  current_ = std::move(item);
  return true;
}

void Loop::finish() {
  next_ = [](Value&) { return false; };
  block_ = nullptr;
  scope_.reset();
}

bool Loop::peek() {
  if (after_) return true;
  Value item;
  if (!next_(item)) return false;
  after_ = std::move(item);
  return true;
}

int64_t Loop::length() {
  if (length_) return *length_;
  // A loop over a loop has the length of the outer one; what has no length is taken in whole.
  if (const auto size = iterable_.loop() == nullptr ? try_length(iterable_) : std::nullopt) return *(length_ = size);
  auto rest = std::make_shared<Values>();
  for (Value item; next_(item);) rest->push_back(std::move(item));
  length_ = static_cast<int64_t>(rest->size()) + index() + (after_ ? 1 : 0);
  next_ = [rest, i = size_t{0}](Value& out) mutable {
    if (i == rest->size()) return false;
    out = (*rest)[i++];
    return true;
  };
  return *length_;
}

std::optional<Value> Loop::attribute(std::string_view name) {
  if (name == "index") return Value(index());
  if (name == "index0") return Value(index0_);
  if (name == "revindex") return Value(length() - index0_);
  if (name == "revindex0") return Value(length() - index());
  if (name == "first") return Value(index0_ == 0);
  if (name == "last") return Value(!peek());
  if (name == "length") return Value(length());
  if (name == "depth") return Value(depth0_ + 1);
  if (name == "depth0") return Value(depth0_);
  if (name == "previtem") return index0_ == 0 ? undefined("there is no previous item") : before_;
  if (name == "nextitem") return peek() ? *after_ : undefined("there is no next item");
  return std::nullopt;
}

Value Loop::cycle(const Values& items) const {
  if (items.empty()) fail("no items for cycling given");
  return items[static_cast<size_t>(index0_) % items.size()];
}

bool Loop::changed(const Values& items, Budget& budget) {
  for (const Value& item : items) {
    // A loop that remembered itself would never be freed.
    if (item.loop() != nullptr || depth_of(item) + 1 > kMaxValueDepth) fail("loop.changed cannot compare such a value");
  }
  const bool same = last_changed_ && equals(make_tuple(*last_changed_), make_tuple(items), budget);
  if (!same) last_changed_ = items;
  return !same;
}

}  // namespace hone::jinja

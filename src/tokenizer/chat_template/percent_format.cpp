// The operator % of str.
#include <fmt/format.h>

#include <cmath>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/call.h"
#include "tokenizer/chat_template/format_spec.h"
#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/text_format.h"
#include "tokenizer/chat_template/text_tools.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(std::string_view format, const Value& values, Budget& budget)
      : format_(format), values_(values), budget_(budget) {
    const Sequence* sequence = values.sequence();
    tuple_ = sequence != nullptr && sequence->tuple ? sequence : nullptr;
  }

  std::string run() {
    std::string out;
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out += format_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent < format_.size()) out += conversion();
      if (out.size() > kMaxTextBytes) break;
    }
    budget_.check_text(out.size());
    // What can be subscripted counts as a mapping, all of which need not be used.
    const bool mapping = tuple_ == nullptr && (values_.sequence() != nullptr || values_.dict() != nullptr ||
                                               values_.range() != nullptr || values_.is_undefined());
    if (!mapping && used_ < count()) fail("not all arguments converted during string formatting");
    return out;
  }

 private:
  size_t count() const { return tuple_ != nullptr ? tuple_->items.size() : 1; }
  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  const Value& next_value() {
    if (used_ >= count()) fail("not enough arguments for format string");
    ++used_;
    return tuple_ != nullptr ? tuple_->items[used_ - 1] : values_;
  }

  /// %(key)s
  std::optional<Value> keyed() {
    if (peek() != '(') return std::nullopt;
    if (values_.dict() == nullptr) fail("format requires a mapping");
    int depth = 1;
    const size_t start = ++at_;
    for (; at_ < format_.size(); ++at_) {
      depth += format_[at_] == '(' ? 1 : format_[at_] == ')' ? -1 : 0;
      if (depth == 0) break;
    }
    if (at_ == format_.size()) fail("incomplete format key");
    const std::string key(format_.substr(start, at_++ - start));
    const Value* const value = values_.dict()->find_text(key);
    if (value == nullptr) fail(fmt::format("KeyError: {}", text_repr(key)));
    return *value;
  }

  /// A width or precision: digits, or * for the next value.
  std::optional<int64_t> size() {
    if (peek() == '*') {
      ++at_;
      const auto value = next_value().integer();
      if (!value) fail("* wants int");
      if (*value > static_cast<int64_t>(kMaxTextBytes)) fail("width too big");
      return *value;
    }
    if (peek() < '0' || peek() > '9') return std::nullopt;
    int64_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + (peek() - '0');
      if (value > static_cast<int64_t>(kMaxTextBytes)) fail("width too big");
    }
    return value;
  }

  std::string conversion() {
    std::optional<Value> value = keyed();
    FieldSpec spec;
    bool left = false, zero = false;
    for (;; ++at_) {
      if (peek() == '-') {
        left = true;
      } else if (peek() == '+') {
        spec.sign = '+';
      } else if (peek() == ' ') {
        spec.sign = spec.sign == '+' ? '+' : ' ';
      } else if (peek() == '#') {
        spec.alternative = true;
      } else if (peek() == '0') {
        zero = true;
      } else {
        break;
      }
    }
    spec.width = size().value_or(0);
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
    if (peek() == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(size().value_or(0), 0);
    }
    if (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    if (at_ >= format_.size()) fail("incomplete format");
    spec.align = left ? '<' : '>';
    spec.type = format_[at_++];
    if (spec.type == '%') return "%";
    if (!value) value = next_value();
    return convert(*value, spec, zero && !left);
  }

  std::string convert(const Value& value, FieldSpec& spec, bool zero) {
    switch (spec.type) {
      case 's':
        return cut(to_text(value, budget_), spec);
      case 'r':
        return cut(to_repr(value, budget_), spec);
      case 'a':
        return cut(value.is_text() ? text_repr(value.text()->bytes, /*ascii=*/true) : to_repr(value, budget_), spec);
      case 'c':
        return character(value, spec);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return integer(value, spec, zero);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(value, spec, zero);
      default:
        fail(fmt::format("unsupported format character '{}'", spec.type));
    }
  }

  std::string cut(std::string text, const FieldSpec& spec) {
    if (spec.precision) text = text.substr(0, byte_of(text, static_cast<size_t>(*spec.precision)));
    return place_text(text, spec, '>', budget_);
  }

  std::string character(const Value& value, const FieldSpec& spec) {
    std::string text;
    if (value.is_text() && value.text()->length == 1) {
      text = value.text()->bytes;
    } else if (const auto code = value.integer(); code && *code >= 0 && *code <= 0x10FFFF) {
      append_utf8(text, static_cast<char32_t>(*code));
    } else {
      fail("%c requires int or char");
    }
    return place_text(text, spec, '>', budget_);
  }

  std::string integer(const Value& value, FieldSpec& spec, bool zero) {
    const bool decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
    if (const auto* u = value.get<Undefined>()) fail(*u->message);
    if (!value.number() || (!decimal && !value.integer())) {
      fail(fmt::format("%{} format: {} is required, not {}", spec.type, decimal ? "a real number" : "an integer",
                       type_name(value)));
    }
    const int64_t number = value.integer() ? *value.integer() : truncate(*value.number());
    const uint64_t magnitude = number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
    std::string digits = integer_digits(magnitude, decimal ? 'd' : spec.type);
    if (spec.precision) digits = repeated("0", *spec.precision - static_cast<int64_t>(digits.size()), budget_) + digits;
    const std::string prefix = spec.alternative && !decimal ? std::string("0") + spec.type : "";
    if (zero) zero_fill(spec);
    return place_number(number < 0, prefix, digits, spec, budget_);
  }

  std::string real(const Value& value, FieldSpec& spec, bool zero) {
    if (const auto* u = value.get<Undefined>()) fail(*u->message);
    if (!value.number()) fail(fmt::format("must be real number, not {}", type_name(value)));
    const double number = *value.number();
    const bool negative = std::signbit(number) && !std::isnan(number);
    std::string digits =
        float_digits(std::fabs(number), spec.type, spec.precision.value_or(6), spec.alternative, budget_);
    if (zero) zero_fill(spec);
    return place_number(negative, "", std::move(digits), spec, budget_);
  }

  static void zero_fill(FieldSpec& spec) {
    spec.fill = "0";
    spec.align = '=';
  }

  std::string_view format_;
  const Value& values_;
  Budget& budget_;
  const Sequence* tuple_;
  size_t at_ = 0, used_ = 0;
};

}  // namespace

std::string percent_format(std::string_view format, const Value& values, Budget& budget) {
  return PercentFormatter(format, values, budget).run();
}

}  // namespace hone::jinja

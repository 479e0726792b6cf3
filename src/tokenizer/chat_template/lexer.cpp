#include "tokenizer/chat_template/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/lexer_literals.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

/// Line breaks become \n, and one at the very end goes.
std::string normalize(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(normalize(source)) {}

  std::vector<Lexeme> run() {
    while (at_ < text_.size()) root();
    add(Token::kEnd, "");
    return std::move(out_);
  }

 private:
  [[noreturn]] void wrong(std::string message) const { throw SyntaxError{std::move(message), line_}; }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view with) const { return std::string_view(text_).substr(at_).starts_with(with); }

  Lexeme& add(Token token, std::string text) {
    out_.push_back({token, line_, std::move(text)});
    return out_.back();
  }

  /// Moves to `end`, counting lines.
  void advance_to(size_t end) {
    const auto from = text_.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto to = text_.begin() + static_cast<std::ptrdiff_t>(end);
    line_ += static_cast<int>(std::count(from, to, '\n'));
    if (end > at_) line_starting_ = text_[end - 1] == '\n';
    at_ = end;
  }

  size_t after_space(size_t at) const {
    while (at < text_.size()) {
      size_t next = at;
      if (!is_space(next_code_point(text_, next))) break;
      at = next;
    }
    return at;
  }

  /// Where a tag's end `close` stops when it stands at `at`: "-%}" takes the white space after it, "%}" one line break.
  /// 0 where none stands there.
  size_t tag_end(size_t at, std::string_view close, bool trims) const {
    const std::string_view rest = std::string_view(text_).substr(at);
    if (rest.starts_with('-') && rest.substr(1).starts_with(close)) return after_space(at + 1 + close.size());
    if (trims && rest.starts_with('+') && rest.substr(1).starts_with(close)) return at + 1 + close.size();
    if (!rest.starts_with(close)) return 0;
    const size_t end = at + close.size();
    return trims && end < text_.size() && text_[end] == '\n' ? end + 1 : end;
  }

  /// The data from at_ to `tag`, less the white space that the tag takes: all before "{%-", and that between the start
  /// of the line and a tag that is no variable.
  void data_before(size_t tag, char sign, bool variable) {
    std::string_view data = std::string_view(text_).substr(at_, tag - at_);
    if (sign == '-') {
      size_t kept = 0;
      for (size_t at = 0; at < data.size();) {
        if (!is_space(next_code_point(data, at))) kept = at;
      }
      data = data.substr(0, kept);
    } else if (sign != '+' && !variable) {
      const size_t line_break = data.rfind('\n');
      const size_t line = line_break == std::string_view::npos ? 0 : line_break + 1;
      if ((line > 0 || line_starting_) && blank(data.substr(line))) data = data.substr(0, line);
    }
    if (!data.empty()) add(Token::kData, std::string(data));
    advance_to(tag);
  }

  static bool blank(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      if (!is_space(next_code_point(text, at))) return false;
    }
    return true;
  }

  void root() {
    size_t tag = at_;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) {
        add(Token::kData, text_.substr(at_));
        return advance_to(text_.size());
      }
      const char kind = text_[tag + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
    }
    const char kind = text_[tag + 1];
    const char sign = tag + 2 < text_.size() && (text_[tag + 2] == '-' || text_[tag + 2] == '+') ? text_[tag + 2] : ' ';
    data_before(tag, sign, kind == '{');
    const size_t inside = tag + (sign == ' ' ? 2 : 3);
    if (kind == '#') return comment(inside);
    if (kind == '%') {
      if (const size_t body = raw_begin(inside)) return raw(body);
    }
    add(kind == '{' ? Token::kVariableBegin : Token::kBlockBegin, "");
    advance_to(inside);
    expression(kind == '{');
  }

  void comment(size_t inside) {
    for (size_t at = inside; at < text_.size(); ++at) {
      at = text_.find('#', at);
      if (at == std::string::npos) break;
      const bool signed_end = at > inside && (text_[at - 1] == '-' || text_[at - 1] == '+');
      const size_t end = tag_end(signed_end ? at - 1 : at, "#}", /*trims=*/true);
      if (end != 0) return advance_to(end);
    }
    wrong("Missing end of comment tag");
  }

  /// Behind "{% raw %}" when that stands before `inside`, else 0.
  size_t raw_begin(size_t inside) const {
    const size_t word = after_space(inside);
    if (!std::string_view(text_).substr(word).starts_with("raw")) return 0;
    const size_t end = after_space(word + 3);
    const std::string_view rest = std::string_view(text_).substr(end);
    if (rest.starts_with("-%}")) return after_space(end + 3);
    return rest.starts_with("%}") ? end + 2 : 0;
  }

  void raw(size_t body) {
    advance_to(body);
    for (size_t tag = body; (tag = text_.find("{%", tag)) != std::string::npos; ++tag) {
      const char sign =
          tag + 2 < text_.size() && (text_[tag + 2] == '-' || text_[tag + 2] == '+') ? text_[tag + 2] : ' ';
      const size_t word = after_space(tag + (sign == ' ' ? 2 : 3));
      if (!std::string_view(text_).substr(word).starts_with("endraw")) continue;
      const size_t end = tag_end(after_space(word + 6), "%}", /*trims=*/true);
      if (end == 0) continue;
      data_before(tag, sign, /*variable=*/false);
      return advance_to(end);
    }
    wrong("Missing end of raw directive");
  }

  /// The inside of a tag, to its end.
  void expression(bool variable) {
    std::string open;  // the brackets that are open: a tag does not end within them
    while (at_ < text_.size()) {
      const size_t end = open.empty() ? tag_end(at_, variable ? "}}" : "%}", !variable) : 0;
      if (end != 0) {
        add(variable ? Token::kVariableEnd : Token::kBlockEnd, "");
        return advance_to(end);
      }
      if (const size_t next = after_space(at_); next != at_) {
        advance_to(next);
      } else if (!literal()) {
        op(open);
      }
    }
  }

  /// A number, a name or a string.
  bool literal() {
    const std::string_view rest = std::string_view(text_).substr(at_);
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';
    if (const size_t size = after_dot ? 0 : float_size(rest); size != 0) {
      add(Token::kFloat, std::string(rest.substr(0, size))).number = float_value(rest.substr(0, size));
      return advance_to(at_ + size), true;
    }
    if (const size_t size = integer_size(rest); size != 0) {
      const auto value = integer_value(rest.substr(0, size));
      if (!value) wrong("an integer beyond 64 bits");
      add(Token::kInteger, std::string(rest.substr(0, size))).integer = *value;
      return advance_to(at_ + size), true;
    }
    if (const size_t size = name_size(rest); size != 0) {
      add(Token::kName, std::string(rest.substr(0, size)));
      return advance_to(at_ + size), true;
    }
    if (rest[0] != '\'' && rest[0] != '"') return false;
    size_t end = 1;
    while (end < rest.size() && rest[end] != rest[0]) end += rest[end] == '\\' ? 2 : 1;
    if (end >= rest.size()) wrong(fmt::format("unexpected char {}", rest[0] == '"' ? "'\"'" : "\"'\""));
    std::string problem;
    const auto value = unescape(rest.substr(1, end - 1), problem);
    if (!value) wrong(problem);
    add(Token::kText, *value);
    return advance_to(at_ + end + 1), true;
  }

  void op(std::string& open) {
    static constexpr std::array<std::string_view, 6> kPairs = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kSingle = "+-/*%~[](){}><=.:|,;";
    size_t size = kSingle.find(peek()) != std::string_view::npos && peek() != '\0' ? 1 : 0;
    for (const std::string_view pair : kPairs) {
      if (starts(pair)) size = 2;
    }
    if (size == 0) {
      size_t next = at_;
      next_code_point(text_, next);
      wrong(fmt::format("unexpected char '{}'", text_.substr(at_, next - at_)));
    }
    const std::string characters = text_.substr(at_, size);
    const char c = characters[0];
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty()) wrong(fmt::format("unexpected '{}'", c));
      if (open.back() != c) wrong(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
      open.pop_back();
    }
    add(Token::kOperator, characters);
    advance_to(at_ + size);
  }

  const std::string text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Lexeme> out_;
};

}  // namespace

std::vector<Lexeme> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace hone::jinja

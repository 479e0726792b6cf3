// The regular expressions of tokenizer files. They are written for Oniguruma, Hugging Face's engine; PCRE2 runs them
// here, after what the two read differently has been put into PCRE2's words. Owns the compiled code; thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "json.h"

namespace hone {

struct Range {
  size_t begin, end;
};

class Regex {
 public:
  /// Throws Error kInput naming `place` for what is damaged or would mean something else in PCRE2.
  Regex(const std::string& pattern, const Node& place);
  /// Of a pattern of our own.
  explicit Regex(const std::string& pattern);

  /// Calls each(Range) for every match from left to right. An empty match right behind another one does not count.
  /// `text` is valid UTF-8. Throws Error kInput where a text takes the pattern too long.
  template <typename Each>
  void for_each_match(std::string_view text, Each each) const {
    Range match{};
    size_t last_end = std::string_view::npos;
    for (size_t from = 0; from <= text.size() && search(text, from, match);) {
      if (match.begin == match.end && match.end == last_end) {
        from = behind_character(text, from);
        continue;
      }
      from = last_end = match.end;
      each(match);
    }
  }

 private:
  bool search(std::string_view text, size_t from, Range& match) const;
  static size_t behind_character(std::string_view text, size_t at);

  std::string pattern_;
  std::shared_ptr<const void> code_;
};

/// A pattern of tokenizer.json: {"Regex": ...} or {"String": ...}, which stands for itself.
class Pattern {
 public:
  /// Throws Error kInput naming the JSON path.
  explicit Pattern(const Node& node);
  /// Of a text that stands for itself.
  explicit Pattern(std::string plain) : plain_(std::move(plain)) {}

  template <typename Each>
  void for_each_match(std::string_view text, Each each) const {
    if (regex_) return regex_->for_each_match(text, each);
    for (size_t at = 0; (at = text.find(plain_, at)) != std::string_view::npos; at += plain_.size()) {
      each(Range{at, at + plain_.size()});
    }
  }
  /// `text` with `by` for every match.
  std::string replaced(std::string_view text, std::string_view by) const;

 private:
  std::string plain_;
  std::optional<Regex> regex_;
};

/// `pattern` in PCRE2's words. Throws Error kInput naming `place`. For tests.
std::string translate_regex(const std::string& pattern, const Node& place);

}  // namespace hone

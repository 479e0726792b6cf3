#include "tokenizer/chat_template/text_wrap.h"

#include <fmt/format.h>

#include <deque>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/unicode.h"
#include "tokenizer/chat_template/value.h"

namespace hone::jinja {
namespace {

using Characters = std::vector<char32_t>;

bool is_blank(char32_t c) {
  return c == ' ' || (c >= 0x9 && c <= 0xD);
}
bool is_letter(char32_t c) {
  return is_word(c) && !is_numeric(c) && c != '_';
}
bool is_word_or_mark(char32_t c) {
  return is_word(c) || (c < 0x80 && std::string_view("!\"'&.,?").find(static_cast<char>(c)) != std::string_view::npos);
}

/// Where textwrap may break: runs of white space, dashes between words, and words, which end behind a hyphen as well.
class Chunks {
 public:
  Chunks(Characters text, bool hyphens) : text_(std::move(text)), hyphens_(hyphens) {}

  std::deque<Characters> cut() const {
    std::deque<Characters> chunks;
    for (size_t at = 0; at < text_.size();) {
      const size_t end = next(at);
      chunks.emplace_back(text_.begin() + static_cast<std::ptrdiff_t>(at),
                          text_.begin() + static_cast<std::ptrdiff_t>(end));
      at = end;
    }
    return chunks;
  }

 private:
  char32_t get(size_t at) const { return at < text_.size() ? text_[at] : 0; }

  size_t dashes(size_t at) const {
    size_t end = at;
    while (get(end) == '-') ++end;
    return end - at >= 2 && end < text_.size() && is_word(get(end)) ? end : 0;
  }

  size_t next(size_t at) const {
    size_t end = at;
    if (is_blank(get(at))) {
      while (end < text_.size() && is_blank(get(end))) ++end;
      return end;
    }
    if (hyphens_ && at > 0 && is_word_or_mark(get(at - 1)) && dashes(at) != 0) return dashes(at);
    for (end = at + 1; end < text_.size(); ++end) {
      if (is_blank(get(end))) return end;
      if (hyphens_ && is_word_or_mark(get(end - 1)) && dashes(end) != 0) return end;
      if (hyphens_ && get(end) == '-' && hyphenated(end)) return end + 1;
    }
    return end;
  }

  /// A hyphen between letters, two on either side or one of "a-b-".
  bool hyphenated(size_t hyphen) const {
    const auto letter = [&](size_t back) { return hyphen >= back && is_letter(get(hyphen - back)); };
    const bool before = (letter(1) && letter(2)) || (letter(1) && hyphen >= 2 && get(hyphen - 2) == '-' && letter(3));
    const size_t after = hyphen + 1;
    return before && is_letter(get(after)) &&
           (is_letter(get(after + 1)) || (get(after + 1) == '-' && is_letter(get(after + 2))));
  }

  Characters text_;
  bool hyphens_;
};

bool blank(const Characters& chunk) {
  for (const char32_t c : chunk) {
    if (!is_space(c)) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string> wrap_line(std::string_view line, int64_t width, bool break_long_words, bool break_on_hyphens) {
  if (width <= 0) fail(fmt::format("invalid width {} (must be > 0)", width));
  Characters text;
  for (size_t at = 0; at < line.size();) text.push_back(next_code_point(line, at));
  std::deque<Characters> chunks = Chunks(std::move(text), break_on_hyphens).cut();
  const auto limit = static_cast<size_t>(width);
  std::vector<std::string> lines;
  while (!chunks.empty()) {
    std::vector<Characters> current;
    size_t length = 0;
    if (!lines.empty() && blank(chunks.front())) chunks.pop_front();
    while (!chunks.empty() && length + chunks.front().size() <= limit) {
      length += chunks.front().size();
      current.push_back(std::move(chunks.front()));
      chunks.pop_front();
    }
    if (!chunks.empty() && chunks.front().size() > limit) {
      Characters& word = chunks.front();
      if (break_long_words) {
        size_t room = limit - length;
        if (break_on_hyphens && word.size() > room) {
          for (size_t i = room; i-- > 1;) {
            bool other = false;
            for (size_t k = 0; k < i; ++k) other = other || word[k] != '-';
            if (word[i] != '-') continue;
            if (other) room = i + 1;
            break;
          }
        }
        const auto cut = word.begin() + static_cast<std::ptrdiff_t>(room);
        current.emplace_back(word.begin(), cut);
        word.erase(word.begin(), cut);
      } else if (current.empty()) {
        current.push_back(std::move(word));
        chunks.pop_front();
      }
    }
    if (!current.empty() && blank(current.back())) current.pop_back();
    if (current.empty()) continue;
    std::string out;
    for (const Characters& chunk : current) {
      for (const char32_t c : chunk) append_utf8(out, c);
    }
    lines.push_back(std::move(out));
  }
  return lines;
}

}  // namespace hone::jinja

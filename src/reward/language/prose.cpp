#include "prose.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"

namespace hone::language {
namespace {

constexpr size_t kNone = std::u32string::npos;

bool is_ascii_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Finds the ends of spans. A search that once failed fails for every later start, too; remembering it keeps the whole
// linear.
class SpanReader {
 public:
  explicit SpanReader(std::u32string_view text) : text_(text) {}

  // The end of what is no prose at `at`, or `at`.
  size_t end_at(size_t at) {
    switch (text_[at]) {
      case '<':
        return tag(at);
      case '`':
        return code(at);
      case '$':
        return dollars(at);
      case '\\':
        return command(at);
      default:
        return at;
    }
  }

 private:
  struct Closer {
    std::u32string_view mark;
    bool missing = false;
  };

  size_t letters_from(size_t at) const {
    while (at < text_.size() && is_ascii_letter(text_[at])) ++at;
    return at;
  }

  // "<", perhaps "/", letters, ">".
  size_t tag(size_t at) const {
    const size_t name = at + 1 + (at + 1 < text_.size() && text_[at + 1] == '/');
    const size_t end = letters_from(name);
    return end > name && end < text_.size() && text_[end] == '>' ? end + 1 : at;
  }

  // Behind the next `closer`, or `otherwise`.
  size_t behind(Closer& closer, size_t from, size_t otherwise) {
    if (closer.missing) return otherwise;
    const size_t found = text_.find(closer.mark, from);
    closer.missing = found == kNone;
    return closer.missing ? otherwise : found + closer.mark.size();
  }

  // A fence goes on to the next one or to the end; code in single backticks stays on its line.
  size_t code(size_t at) {
    if (text_.substr(at, 3) == U"```") return behind(fence_, at + 3, text_.size());
    const size_t end = text_.find_first_of(U"`\n", at + 1);
    return end != kNone && text_[end] == '`' ? end + 1 : at;
  }

  // Pandoc's rule keeps money apart from formulas: no space behind the opening dollar, none before the closing one and
  // no digit behind that.
  size_t dollars(size_t at) {
    if (text_.substr(at, 2) == U"$$") return behind(display_, at + 2, at);
    if (at < no_dollar_before_ || at + 1 >= text_.size() || is_white_space(text_[at + 1])) return at;
    size_t i = at + 2;
    for (; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] != '$' || is_white_space(text_[i - 1])) continue;
      if (i + 1 == text_.size() || text_[i + 1] < '0' || text_[i + 1] > '9') return i + 1;
    }
    no_dollar_before_ = i;
    return at;
  }

  size_t command(size_t at) {
    if (at + 1 == text_.size()) return at;
    if (text_[at + 1] == '(') return behind(round_, at + 2, at + 2);
    if (text_[at + 1] == '[') return behind(square_, at + 2, at + 2);
    return std::max(letters_from(at + 1), at + 2);
  }

  std::u32string_view text_;
  Closer fence_{U"```"}, display_{U"$$"}, round_{U"\\)"}, square_{U"\\]"};
  size_t no_dollar_before_ = 0;
};

std::u32string decode(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    out += c == kInvalidCodePoint ? U' ' : c;
  }
  return out;
}

// At most 30 combining marks in a row, as in the stream-safe format of Unicode (UAX 15): ordering a run of them takes
// time that grows with its square.
std::string stream_safe(std::string_view text) {
  constexpr int kMostMarks = 30;
  std::string out;
  out.reserve(text.size());
  int marks = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_code_point(text, at);
    marks = u_getCombiningClass(static_cast<UChar32>(c)) == 0 ? 0 : marks + 1;
    if (marks <= kMostMarks) out += text.substr(begin, at - begin);
  }
  return out;
}

std::u32string compose(std::string_view any) {
  const std::string text = stream_safe(any);
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(status);
  HONE_CHECK(U_SUCCESS(status), .what = "ICU's data for Unicode normalization is missing", .got = u_errorName(status));
  std::string composed;
  icu::StringByteSink<std::string> sink(&composed, static_cast<int32_t>(text.size()));
  nfc->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, status);
  return decode(U_SUCCESS(status) ? composed : text);
}

}  // namespace

std::u32string prose_of(std::string_view text) {
  const std::u32string all = compose(text);
  SpanReader spans(all);
  std::u32string out;
  out.reserve(all.size());
  for (size_t at = 0; at < all.size();) {
    const size_t end = spans.end_at(at);
    out += end > at ? U' ' : all[at];
    at = end > at ? end : at + 1;
  }
  return out;
}

}  // namespace hone::language

#include "normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

constexpr char32_t kReplacement = 0xFFFD;  // all bytes that are not UTF-8 are the same

bool is_punctuation(const utf8proc_property_t& property) {
  return property.category >= UTF8PROC_CATEGORY_PC && property.category <= UTF8PROC_CATEGORY_PO;
}

bool stands_alone(char32_t c) {
  return (c >= 0x3041 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

// Collects code points into words.
class Words {
 public:
  Words(const Normalization& options, bool split_han) : options_(options), split_han_(split_han) {}

  void add(char32_t c) {
    if (is_white_space(c)) return end_word();
    if (c < 0x80) {
      const bool upper = c >= 'A' && c <= 'Z';
      return put(options_.ignore_case && upper ? c - 'A' + 'a' : c);
    }
    std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
    const int flags = UTF8PROC_DECOMPOSE | (options_.ignore_case ? UTF8PROC_CASEFOLD : 0);
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                               static_cast<utf8proc_option_t>(flags), nullptr);
    for (utf8proc_ssize_t i = 0; i < count; ++i) put(static_cast<char32_t>(parts[static_cast<size_t>(i)]));
  }

  std::vector<std::u32string> finish() {
    end_word();
    return std::move(words_);
  }

 private:
  void put(char32_t c) {
    const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
    if (options_.ignore_punctuation && is_punctuation(property)) return;
    const bool alone = split_han_ && stands_alone(c);
    if (alone || (ends_alone_ && property.combining_class == 0)) end_word();
    word_.push_back(c);
    ends_alone_ = alone || (ends_alone_ && property.combining_class != 0);
  }

  void end_word() {
    ends_alone_ = false;
    if (word_.empty()) return;
    sort_marks();
    const bool article = options_.ignore_articles && (word_ == U"a" || word_ == U"an" || word_ == U"the");
    if (!article) words_.push_back(word_);
    word_.clear();
  }

  // The canonical order: each run of combining marks by class.
  void sort_marks() {
    const auto mark_class = [](char32_t c) {
      return c < 0x300 ? 0 : utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
    };
    for (auto begin = word_.begin(); begin != word_.end();) {
      const auto end = std::find_if(begin, word_.end(), [&](char32_t c) { return mark_class(c) == 0; });
      std::stable_sort(begin, end, [&](char32_t a, char32_t b) { return mark_class(a) < mark_class(b); });
      begin = end == word_.end() ? end : end + 1;
    }
  }

  const Normalization options_;
  const bool split_han_;
  std::vector<std::u32string> words_;
  std::u32string word_;
  bool ends_alone_ = false;  // what is in word_ takes nothing more but marks
};

std::vector<std::u32string> read_words(std::string_view text, const Normalization& options, bool split_han) {
  Words words(options, split_han);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    words.add(c == kInvalidCodePoint ? kReplacement : c);
  }
  return words.finish();
}

}  // namespace

std::u32string normalize(std::string_view text, const Normalization& options) {
  std::u32string out;
  for (const std::u32string& word : read_words(text, options, /*split_han=*/false)) {
    if (!out.empty()) out.push_back(U' ');
    out += word;
  }
  return out;
}

std::vector<std::u32string> split_words(std::string_view text, const Normalization& options) {
  return read_words(text, options, /*split_han=*/true);
}

}  // namespace hone

#include "words.h"

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <memory>
#include <optional>

#include "hone/core/error.h"
#include "prose.h"

namespace hone::language {
namespace {

// Dictionary search works on stretches of at most this length, so that no run of letters can make it slow.
constexpr size_t kLongestStretch = 2000;

// How the words of a script are found and what they say.
struct ScriptKind {
  enum Type : uint8_t { kNeutral, kShared, kOneLanguage, kNoSpaces, kHan, kKana, kUnknown } type = kNeutral;
  SharedScript shared{};
  RewardLanguage language{};
  bool operator==(const ScriptKind&) const = default;
};

ScriptKind kind_of(UScriptCode script) {
  using L = RewardLanguage;
  using K = ScriptKind;
  switch (script) {
    case USCRIPT_COMMON:
    case USCRIPT_INHERITED:
      return {};
    case USCRIPT_LATIN:
      return {K::kShared, SharedScript::kLatin, {}};
    case USCRIPT_CYRILLIC:
      return {K::kShared, SharedScript::kCyrillic, {}};
    case USCRIPT_ARABIC:
      return {K::kShared, SharedScript::kArabic, {}};
    case USCRIPT_DEVANAGARI:
      return {K::kShared, SharedScript::kDevanagari, {}};
    case USCRIPT_HAN:
      return {K::kHan, {}, {}};
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
      return {K::kKana, {}, {}};
    case USCRIPT_THAI:
      return {K::kNoSpaces, {}, L::kThai};
    case USCRIPT_KHMER:
      return {K::kNoSpaces, {}, L::kKhmer};
    case USCRIPT_LAO:
      return {K::kNoSpaces, {}, L::kLao};
    case USCRIPT_MYANMAR:
      return {K::kNoSpaces, {}, L::kBurmese};
    case USCRIPT_HANGUL:
      return {K::kOneLanguage, {}, L::kKorean};
    case USCRIPT_HEBREW:
      return {K::kOneLanguage, {}, L::kHebrew};
    case USCRIPT_GREEK:
      return {K::kOneLanguage, {}, L::kGreek};
    case USCRIPT_BENGALI:
      return {K::kOneLanguage, {}, L::kBengali};
    case USCRIPT_TAMIL:
      return {K::kOneLanguage, {}, L::kTamil};
    case USCRIPT_TELUGU:
      return {K::kOneLanguage, {}, L::kTelugu};
    case USCRIPT_KANNADA:
      return {K::kOneLanguage, {}, L::kKannada};
    case USCRIPT_GUJARATI:
      return {K::kOneLanguage, {}, L::kGujarati};
    case USCRIPT_GURMUKHI:
      return {K::kOneLanguage, {}, L::kPunjabi};
    case USCRIPT_MALAYALAM:
      return {K::kOneLanguage, {}, L::kMalayalam};
    case USCRIPT_GEORGIAN:
      return {K::kOneLanguage, {}, L::kGeorgian};
    case USCRIPT_ARMENIAN:
      return {K::kOneLanguage, {}, L::kArmenian};
    case USCRIPT_SINHALA:
      return {K::kOneLanguage, {}, L::kSinhala};
    case USCRIPT_ETHIOPIC:
      return {K::kOneLanguage, {}, L::kAmharic};
    default:
      return {K::kUnknown, {}, {}};
  }
}

bool is_mark(char32_t c) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_M_MASK) != 0;
}

ScriptKind kind_of(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? kind_of(USCRIPT_LATIN) : ScriptKind{};
  if (c == 0x30FC) return kind_of(USCRIPT_KATAKANA);  // the long vowel mark
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(static_cast<UChar32>(c), &status);
  // Digits and punctuation can belong to a script, too. The Han zero is a number by its category.
  const bool letter = u_isalpha(static_cast<UChar32>(c)) || is_mark(c) || script == USCRIPT_HAN;
  return letter ? kind_of(script) : ScriptKind{};
}

bool ends_sentence(char32_t c) {
  return std::u32string_view(U".!?\n\u3002\uFF01\uFF1F\u0964\u061F\u06D4").find(c) != std::u32string_view::npos;
}

// Accents, hyphens, apostrophes and joiners are within words.
bool continues_word(char32_t c) {
  if (c < 0x80) return c == '-' || c == '\'';
  return c == 0x2019 || c == 0x200C || c == 0x200D || is_mark(c);
}

bool is_formula_neighbour(char32_t c) {
  return (c >= '0' && c <= '9') ||
         (c < 0x80 && std::string_view("_^=\\{}@#").find(static_cast<char>(c)) != std::string_view::npos);
}

class Splitter {
 public:
  explicit Splitter(std::u32string prose) : prose_(std::move(prose)) {}

  Words split() {
    for (size_t at = 0; at < prose_.size();) {
      const ScriptKind kind = kind_of(prose_[at]);
      if (kind.type == ScriptKind::kNeutral) {
        if (ends_sentence(prose_[at])) end_sentence();
        after_break_ = after_break_ || parts_sentences(at);
        ++at;
        continue;
      }
      const size_t end = end_of_run(at, kind);
      add(kind, at, end);
      at = end;
    }
    end_sentence();
    return std::move(words_);
  }

 private:
  // A full stop behind a digit may be the point of a list or a number, a single line break may be anywhere.
  bool parts_sentences(size_t at) const {
    const char32_t before = at > 0 ? prose_[at - 1] : U' ';
    if (prose_[at] == '.') return before < '0' || before > '9';
    return ends_sentence(prose_[at]) && (prose_[at] != '\n' || before == '\n');
  }

  size_t end_of_run(size_t at, const ScriptKind& kind) const {
    size_t end = at + 1;
    for (; end < prose_.size(); ++end) {
      const ScriptKind next = kind_of(prose_[end]);
      const bool joins = next.type == ScriptKind::kNeutral && continues_word(prose_[end]);
      if (next != kind && !joins) break;
    }
    return end;
  }

  void add(const ScriptKind& kind, size_t begin, size_t end) {
    const std::u32string_view run = std::u32string_view(prose_).substr(begin, end - begin);
    const auto language = static_cast<size_t>(kind.language);
    switch (kind.type) {
      case ScriptKind::kShared:
        if (!is_formula(begin, end)) add_shared(kind.shared, run);
        break;
      case ScriptKind::kOneLanguage:
        // A single Greek letter is a symbol.
        words_.by_script[language] += kind.language != RewardLanguage::kGreek || run.size() > 1;
        break;
      case ScriptKind::kNoSpaces:
        words_.by_script[language] += count_by_dictionary(run);
        break;
      case ScriptKind::kHan:
      case ScriptKind::kKana:
        east_asian_ += run;
        has_kana_ = has_kana_ || kind.type == ScriptKind::kKana;
        break;
      case ScriptKind::kUnknown:
        ++words_.unknown;
        break;
      case ScriptKind::kNeutral:
        break;
    }
  }

  // x, f(9), x_1, print(...), \boxed{apples}: no words of a language.
  bool is_formula(size_t begin, size_t end) const {
    if (prose_[begin] < 0x80 && end == begin + 1) return true;
    if (begin > 0 && is_formula_neighbour(prose_[begin - 1])) return true;
    return end < prose_.size() && (prose_[end] == '(' || is_formula_neighbour(prose_[end]));
  }

  void add_shared(SharedScript script, std::u32string_view run) {
    while (run.size() > 1 && continues_word(run.back()) && !is_mark(run.back())) run.remove_suffix(1);
    SharedWord word{.letters = {}, .after_break = after_break_};
    for (const char32_t c : run) {
      if (c == 0x200C || c == 0x200D) continue;
      word.letters += c == '-' ? U'_' : c == 0x2019 ? U'\'' : static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
    }
    words_.shared[static_cast<size_t>(script)].push_back(std::move(word));
    after_break_ = false;
  }

  // Han characters are Japanese where kana stand in the same sentence, else Chinese.
  void end_sentence() {
    if (has_kana_) {
      words_.by_script[static_cast<size_t>(RewardLanguage::kJapanese)] += count_by_dictionary(east_asian_);
    } else {
      words_.by_script[static_cast<size_t>(RewardLanguage::kChinese)] += static_cast<int64_t>(east_asian_.size());
    }
    east_asian_.clear();
    has_kana_ = false;
  }

  int64_t count_by_dictionary(std::u32string_view run) {
    int64_t count = 0;
    for (size_t at = 0; at < run.size(); at += kLongestStretch) {
      const std::u32string_view stretch = run.substr(at, kLongestStretch);
      const auto text = icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(stretch.data()),
                                                      static_cast<int32_t>(stretch.size()));
      icu::BreakIterator& breaks = word_breaks();
      breaks.setText(text);
      while (breaks.next() != icu::BreakIterator::DONE) ++count;
    }
    return count;
  }

  icu::BreakIterator& word_breaks() {
    if (!word_breaks_) {
      UErrorCode status = U_ZERO_ERROR;
      word_breaks_.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status));
      HONE_CHECK(U_SUCCESS(status), .what = "ICU's data for word breaks is missing", .got = u_errorName(status));
    }
    return *word_breaks_;
  }

  std::u32string prose_;
  Words words_;
  bool after_break_ = true;
  std::u32string east_asian_;  // of this sentence
  bool has_kana_ = false;
  std::unique_ptr<icu::BreakIterator> word_breaks_;
};

}  // namespace

Words split_words(std::string_view text) {
  return Splitter(prose_of(text)).split();
}

}  // namespace hone::language

#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <vector>

#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

constexpr size_t kMaxPattern = 1 << 16;
// Enough for honest patterns on megabytes of text; a pattern that explodes ends within seconds.
constexpr uint32_t kMatchLimit = 50'000'000, kHeapLimitKib = 256 << 10;
constexpr size_t kJitStackStart = 32 << 10, kJitStackMost = 16 << 20;

// White_Space; PCRE2's own \s has U+180E on top.
constexpr const char* kSpace = R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr const char* kNoSpace =
    R"(\x00-\x08\x{E}-\x{1F}!-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E})"
    R"(\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
// Oniguruma's word characters. Outside of a class they take in the other numbers of Latin-1, and of Latin-1 only.
constexpr const char* kWordInClass = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr const char* kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";

class Translator {
 public:
  Translator(const std::string& pattern, const Node& place) : in_(pattern), place_(place) {}

  std::string translate() {
    while (at_ < in_.size()) step();
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    place_.refuse(fmt::format("has {}, which is not supported in a pattern", what));
  }
  bool next_is(std::string_view text) const { return std::string_view(in_).substr(at_).starts_with(text); }
  char take() { return in_[at_++]; }

  void step() {
    switch (in_[at_]) {
      case '\\':
        return atom([this] { escape(/*in_class=*/false); });
      case '[':
        return atom([this] { character_class(); });
      case '(':
        return open_group();
      case ')':
        return close_group();
      case '{':
        return interval();
      case '^':  // the beginning of a line, as in Ruby
        ++at_;
        return atom([this] { out_ += "(?m:^)"; });
      case '$':
        ++at_;
        return atom([this] { out_ += "(?m:$)"; });
      case '|':
      case '*':
      case '+':
      case '?':
        out_ += take();
        return;
      default:
        return atom([this] { out_ += take(); });
    }
  }

  template <typename Write>
  void atom(Write write) {
    atom_ = out_.size();
    write();
  }

  void escape(bool in_class) {
    if (at_ + 1 >= in_.size()) refuse("a backslash at its end");
    const char c = in_[at_ + 1];
    const auto replace = [&](const std::string& text) { out_ += text, at_ += 2; };
    const auto set = [&](const char* inside, bool negated) {
      replace(in_class ? inside : fmt::format("[{}{}]", negated ? "^" : "", inside));
    };
    switch (c) {
      case 's':
        return set(kSpace, false);
      case 'S':
        return in_class ? set(kNoSpace, false) : set(kSpace, true);
      case 'w':
        return set(in_class ? kWordInClass : kWord, false);
      case 'W':
        if (in_class) refuse("\\W in a class");
        return set(kWord, true);
      case 'd':
      case 'D':
        return replace({'\\', c});
      case 'p':
      case 'P':
        return property();
      case 'x':
        if (at_ + 2 < in_.size() && in_[at_ + 2] == '{') return braced();
        return replace("\\x");
      case 'n':
      case 'r':
      case 't':
      case 'f':
        return replace({'\\', c});
      case 'v':
        return replace("\\x{B}");
      case 'A':
      case 'z':
      case 'Z':
        if (!in_class) return replace({'\\', c});
        [[fallthrough]];
      default:
        if (static_cast<unsigned char>(c) >= 0x80) return replace({c});  // the rest of the character follows
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) refuse(fmt::format("\\{}", c));
        return replace({'\\', c});
    }
  }

  // Categories and a few properties are the same in both. PCRE2's bare names of scripts take in what scripts share.
  void property() {
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{') refuse("\\p without braces");
    const size_t begin = at_ + 3 + (at_ + 3 < in_.size() && in_[at_ + 3] == '^');
    const size_t end = std::min(in_.find('}', begin), in_.size());
    const std::string name = in_.substr(begin, end - begin);
    const bool same = name.size() <= 2 || name == "Any" || name == "Alphabetic" || name == "White_Space" ||
                      name == "Uppercase" || name == "Lowercase" || name == "Emoji";
    out_.append(in_, at_, begin - at_).append(same ? "" : "sc:");
    at_ = begin;
    braced();
  }

  void braced() {  // \p{...} and \x{...} as they are
    const size_t end = in_.find('}', at_);
    if (end == std::string::npos) refuse("an open brace");
    out_.append(in_, at_, end + 1 - at_);
    at_ = end + 1;
  }

  void character_class() {
    out_ += take();
    if (next_is("^")) out_ += take();
    if (next_is("]")) refuse("a class that begins with ]");
    for (int depth = 0; depth > 0 || !next_is("]");) {
      if (at_ >= in_.size()) refuse("an open class");
      const bool in_range = (next_is("[") && out_.ends_with('-')) || (depth > 0 && next_is("]-"));
      if (next_is("[^") || next_is("[:") || in_range) refuse("such a class within a class");
      if (next_is("&&")) refuse("the && of classes");
      if (next_is("[") || next_is("]")) {  // what a class within holds belongs to the outer one
        depth += take() == '[' ? 1 : -1;
      } else if (next_is("\\")) {
        escape(/*in_class=*/true);
      } else {
        out_ += take();
      }
    }
    out_ += take();
  }

  void open_group() {
    groups_.push_back(out_.size());
    out_ += take();
    if (!next_is("?")) return;
    for (const std::string_view known : {"?:", "?=", "?!", "?>", "?<=", "?<!", "?i:", "?i)"}) {
      if (!next_is(known)) continue;
      out_ += known;
      at_ += known.size();
      if (known.back() == ')') groups_.pop_back();
      return;
    }
    refuse("'(" + in_.substr(at_, 3) + "'");
  }

  void close_group() {
    if (groups_.empty()) refuse("a ) too many");
    atom_ = groups_.back();
    groups_.pop_back();
    out_ += take();
  }

  void interval() {
    const size_t end = in_.find('}', at_);
    const std::string inside = end == std::string::npos ? "" : in_.substr(at_ + 1, end - at_ - 1);
    const size_t comma = inside.find(',');
    const auto digits = [](std::string_view text) {
      return text.size() < 6 && text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    const std::string low = inside.substr(0, comma), high = comma == std::string::npos ? "" : inside.substr(comma + 1);
    if (!digits(low) || !digits(high) || (low.empty() && high.empty())) refuse("a { that begins no interval");
    out_ += fmt::format("{{{}{}{}}}", low.empty() ? "0" : low, comma == std::string::npos ? "" : ",", high);
    at_ = end + 1;
    // Behind an interval + repeats it, where PCRE2 makes it possessive; and {3}? may be left out there.
    if (next_is("+") || (next_is("?") && comma == std::string::npos)) {
      out_.insert(atom_, "(?:");
      out_ += ')';
      out_ += take();
    }
  }

  const std::string& in_;
  const Node& place_;
  size_t at_ = 0;
  std::string out_;
  size_t atom_ = 0;  ///< where in out_ the last atom begins
  std::vector<size_t> groups_;
};

// What a thread needs to match, whatever the pattern.
struct Workspace {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr);

  Workspace() {
    HONE_ASSERT(data != nullptr && context != nullptr);
    pcre2_set_match_limit(context, kMatchLimit);
    pcre2_set_heap_limit(context, kHeapLimitKib);
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Workspace() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    if (stack != nullptr) pcre2_jit_stack_free(stack);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
};

Workspace& workspace() {
  thread_local Workspace instance;
  return instance;
}

std::string message_of(int error) {
  PCRE2_UCHAR text[160] = {};
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

std::shared_ptr<const void> compile(const std::string& pattern, const Node& place) {
  int error = 0;
  size_t offset = 0;
  pcre2_compile_context* const context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_code* const code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                         PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, context);
  pcre2_compile_context_free(context);
  if (code == nullptr) place.refuse("is no valid pattern: " + message_of(error));
  // Where there is no JIT, PCRE2 interprets the pattern.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  return {code, [](const void* p) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p))); }};
}

}  // namespace

std::string translate_regex(const std::string& pattern, const Node& place) {
  if (pattern.empty() || pattern.size() > kMaxPattern) place.refuse("is empty or too long for a pattern");
  return Translator(pattern, place).translate();
}

Regex::Regex(const std::string& pattern, const Node& place)
    : pattern_(pattern), code_(compile(translate_regex(pattern, place), place)) {}

Regex::Regex(const std::string& pattern) : pattern_(pattern) {
  const Json json = pattern;
  const std::string file = "built-in pattern";
  const Node place(json, file);
  code_ = compile(translate_regex(pattern, place), place);
}

bool Regex::search(std::string_view text, size_t from, Range& match) const {
  const Workspace& w = workspace();
  const auto* const code = static_cast<const pcre2_code*>(code_.get());
  const auto* const subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int found = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, w.data, w.context);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
    found = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w.data, w.context);
  }
  if (found == PCRE2_ERROR_NOMATCH) return false;
  HONE_CHECK(found >= 0, .what = "a text cannot be split by the tokenizer's pattern: " + message_of(found),
             .got = pattern_);
  const size_t* const place = pcre2_get_ovector_pointer(w.data);
  match = {place[0], place[1]};
  return true;
}

size_t Regex::behind_character(std::string_view text, size_t at) {
  do {
    ++at;
  } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

Pattern::Pattern(const Node& node) {
  const Node regex = node["Regex"], plain = node["String"];
  if (!regex.is_null()) {
    regex_.emplace(regex.text(), regex);
  } else {
    plain_ = plain.text();
    if (plain_.empty()) plain.refuse("is empty");
  }
}

std::string Pattern::replaced(std::string_view text, std::string_view by) const {
  if (regex_ && !is_valid_utf8(text)) return std::string(text);  // decoded bytes that are no characters
  std::string out;
  size_t from = 0;
  for_each_match(text, [&](Range match) {
    out.append(text.substr(from, match.begin - from)).append(by);
    from = match.end;
  });
  return out.append(text.substr(from));
}

}  // namespace hone

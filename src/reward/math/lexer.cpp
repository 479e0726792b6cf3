#include "reward/math/lexer.h"

#include <algorithm>

#include "reward/math/commands.h"
#include "reward/math/normalize.h"
#include "reward/math/units.h"

namespace hone::math {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word_byte(char c) {
  return is_letter(c) || static_cast<unsigned char>(c) >= 0x80;
}
bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '~';
}

class Lexer {
 public:
  Lexer(std::string_view text, const Reading& reading, int depth) : text_(text), reading_(reading), depth_(depth) {}

  std::vector<Lexeme> run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  Lexeme& emit(Token token, int code = 0, std::string_view name = {}) {
    HONE_CHECK(out_.size() < static_cast<size_t>(kMaxTokens), .what = "too many tokens");
    Lexeme lexeme;
    lexeme.token = token;
    lexeme.code = code;
    lexeme.space_before = space_;
    lexeme.spaced_out = spaced_out_;
    lexeme.text = name;
    space_ = spaced_out_ = false;
    out_.push_back(std::move(lexeme));
    return out_.back();
  }
  /// "min(" is a function, "5 min" a time.
  bool opens_argument() const {
    const std::string_view rest = trim(text_.substr(at_));
    return rest.starts_with('(') || rest.starts_with('{') || rest.starts_with('_') || rest.starts_with("\\left") ||
           rest.starts_with("\\{");
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_, space_ = true;
  }

  void step();
  void sign(char c);
  void command();
  void run_command(const Command& command, std::string_view name);
  void words_in_braces(bool style_of_letters);
  void letters();
  void number();
  void percent_or_comment();
  std::string_view braces();
  bool thousands_group(size_t& at) const;
  std::string digits();

  std::string_view text_;
  Reading reading_;
  int depth_;  ///< of \text inside \text
  size_t at_ = 0;
  bool space_ = false;
  bool spaced_out_ = false;
  std::vector<Lexeme> out_;
};

void Lexer::step() {
  const char c = text_[at_];
  if (is_blank(c)) return skip_blanks();
  if (c == '\\') return command();
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
  if (is_word_byte(c)) return letters();
  if (c == '%') return percent_or_comment();
  sign(c);
}

void Lexer::sign(char c) {
  struct Sign {
    std::string_view text;
    Token token;
    int code;
  };
  static constexpr Sign kSigns[] = {
      {"**", Token::kCaret, 0},
      {"<=", Token::kRelation, static_cast<int>(Relation::kLessEqual)},
      {">=", Token::kRelation, static_cast<int>(Relation::kGreaterEqual)},
      {"!=", Token::kRelation, static_cast<int>(Relation::kNotEqual)},
      {":=", Token::kRelation, static_cast<int>(Relation::kEqual)},
      {"==", Token::kRelation, static_cast<int>(Relation::kEqual)},
      {"=>", Token::kRelation, static_cast<int>(Relation::kImplies)},
      {"->", Token::kRelation, static_cast<int>(Relation::kMaps)},
      {"...", Token::kSymbol, 0},
      {"=", Token::kRelation, static_cast<int>(Relation::kEqual)},
      {"<", Token::kRelation, static_cast<int>(Relation::kLess)},
      {">", Token::kRelation, static_cast<int>(Relation::kGreater)},
      {"+", Token::kPlus, 0},
      {"-", Token::kMinus, 0},
      {"*", Token::kTimes, 0},
      {"/", Token::kDivide, 0},
      {"^", Token::kCaret, 0},
      {"_", Token::kUnderscore, 0},
      {"!", Token::kBang, 0},
      {"(", Token::kOpen, '('},
      {")", Token::kClose, ')'},
      {"[", Token::kOpen, '['},
      {"]", Token::kClose, ']'},
      {"{", Token::kOpen, '{'},
      {"}", Token::kClose, '}'},
      {"|", Token::kBar, 0},
      {",", Token::kComma, 0},
      {";", Token::kSemicolon, 0},
      {":", Token::kColon, 0},
      {"'", Token::kPrime, 0},
      {"&", Token::kAmpersand, 0},
  };
  for (const Sign& s : kSigns) {
    if (!starts(s.text)) continue;
    at_ += s.text.size();
    emit(s.token, s.code, s.token == Token::kSymbol ? "dots" : "");
    return;
  }
  HONE_CHECK(c == '$' || c == '.' || c == '"' || c == '`' || c == '?', .what = "a character that has no meaning");
  HONE_CHECK(c != '?', .what = "a question mark");
  ++at_;  // a full stop, a dollar sign, quotes: nothing
  space_ = true;
}

/// The inside of the braces at `at_`, which moves past them; a single character where there are none.
std::string_view Lexer::braces() {
  skip_blanks();
  if (peek() != '{') {
    const size_t n = at_ < text_.size() ? 1 : 0;
    at_ += n;
    return text_.substr(at_ - n, n);
  }
  const size_t start = ++at_;
  int open = 1;
  for (; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\\') {
      ++at_;
    } else if (text_[at_] == '{') {
      ++open;
    } else if (text_[at_] == '}' && --open == 0) {
      return text_.substr(start, at_++ - start);
    }
  }
  at_ = text_.size();
  return text_.substr(start);
}

void Lexer::command() {
  size_t end = ++at_;
  while (end < text_.size() && is_letter(text_[end])) ++end;
  std::string_view name = text_.substr(at_, end - at_);
  if (name.empty()) {
    if (at_ >= text_.size()) return;  // a backslash at the end
    const char c = text_[at_++];
    switch (c) {
      case '\\':
        emit(Token::kRowBreak);
        return;
      case '{':
        emit(Token::kOpen, 's');
        return;
      case '}':
        emit(Token::kClose, 's');
        return;
      case '%':
        emit(Token::kPercent);
        return;
      case '$':
        emit(Token::kMoney, 0, "dollars");
        return;
      case '|':
        emit(Token::kDoubleBar);
        return;
      case '_':
        emit(Token::kUnderscore);
        return;
      default:  // spaces and the delimiters \( \) \[ \]
        HONE_CHECK(std::string_view(",!;:> ()[]/\"\n\t").find(c) != std::string_view::npos,
                   .what = "an unknown command");
        space_ = spaced_out_ = true;
        return;
    }
  }
  at_ = end;
  if (const auto known = find_command(name)) return run_command(*known, name);
  if (const size_t prefix = command_prefix(name)) {  // \quadx, \pir
    at_ -= name.size() - prefix;
    return run_command(*find_command(name.substr(0, prefix)), name.substr(0, prefix));
  }
  emit(Token::kSymbol, 0, name);
}

void Lexer::run_command(const Command& command, std::string_view name) {
  switch (command.action) {
    case Action::kSkip:
      return;
    case Action::kSpacing:
      space_ = spaced_out_ = true;
      return;
    case Action::kSkipArgument:
      braces();
      return;
    case Action::kDelimiter:
      skip_blanks();
      if (peek() == '.') ++at_;
      return;
    case Action::kText:
      if (peek() == '*') ++at_;
      return words_in_braces(name == "mathrm" || name == "operatorname");
    case Action::kToken:
      break;
  }
  const bool wants_name = command.token == Token::kBegin || command.token == Token::kEndEnvironment ||
                          (command.token == Token::kNumberSet && command.text.empty());
  if (!wants_name) {
    emit(command.token, command.code, command.text);
    return;
  }
  const std::string_view argument = trim(braces());
  emit(command.token, command.code, argument);
  if (command.token == Token::kBegin && argument.starts_with("array")) braces();  // the columns
}

/// \text{...}: its words; numbers, single letters and separators inside count as if they stood outside.
void Lexer::words_in_braces(bool style_of_letters) {
  std::string_view inside = braces();
  const bool spaced = !inside.empty() && (is_blank(inside.front()) || inside.front() == '\\');
  while (!inside.empty() && (is_blank(inside.front()) || inside.starts_with("\\ "))) inside.remove_prefix(1);
  inside = trim(inside);
  if (inside.empty()) {
    space_ = true;
    return;
  }
  if (find_plain_name(inside) || (style_of_letters && find_command(inside) && inside.size() > 1)) {
    const auto known = find_plain_name(inside) ? find_plain_name(inside) : find_command(inside);
    if (known->action == Action::kToken && (style_of_letters || known->token == Token::kSeparator) &&
        !(is_unit_word(inside) && !opens_argument())) {
      return run_command(*known, inside);
    }
  }
  if (depth_ < 3) {
    std::vector<Lexeme> inner;
    try {
      inner = Lexer(inside, reading_, depth_ + 1).run();
    } catch (const Error&) {  // prose with signs that mean nothing here
    }
    const auto letters = std::count_if(inner.begin(), inner.end(),
                                       [](const Lexeme& l) { return l.token == Token::kSymbol && l.text.size() == 1; });
    const bool words = std::any_of(inner.begin(), inner.end(),
                                   [](const Lexeme& l) { return l.token == Token::kWord || l.token == Token::kText; });
    const bool separated = std::any_of(inner.begin(), inner.end(), [](const Lexeme& l) {
      return l.token == Token::kComma || l.token == Token::kSeparator || l.token == Token::kNumber ||
             l.token == Token::kOpen;
    });
    const bool glued = std::adjacent_find(inner.begin(), inner.end(), [](const Lexeme& a, const Lexeme& b) {
                         return a.token == Token::kSymbol && b.token == Token::kSymbol && !b.space_before;
                       }) != inner.end();
    const bool measured = !inner.empty() && inner.front().token == Token::kNumber;  // \text{14 feet}
    if (!inner.empty() && ((!words && !glued && (separated || letters == 0)) || measured)) {
      inner[0].space_before = true;
      for (Lexeme& lexeme : inner) {
        HONE_CHECK(out_.size() < static_cast<size_t>(kMaxTokens), .what = "too many tokens");
        out_.push_back(std::move(lexeme));
      }
      space_ = true;
      return;
    }
  }
  emit(Token::kText, style_of_letters || spaced ? 1 : 0, inside);
  space_ = true;
}

void Lexer::letters() {
  size_t end = at_;
  bool ascii = true;
  for (; end < text_.size() && is_word_byte(text_[end]); ++end) ascii = ascii && is_letter(text_[end]);
  const std::string_view word = text_.substr(at_, end - at_);
  const bool module = (word == "np" || word == "math" || word == "sympy") && end + 1 < text_.size() &&
                      text_[end] == '.' && is_letter(text_[end + 1]);
  at_ = end;
  if (module) {
    ++at_;
    return;
  }
  if (const auto known = find_plain_name(word); known && !(is_unit_word(word) && !opens_argument()))
    return run_command(*known, word);
  const bool clock = word == "am" || word == "pm" || word == "AM" || word == "PM";
  if (clock && !out_.empty() && out_.back().token == Token::kNumber) {
    emit(Token::kWord, 0, word);
    return;
  }
  if (!ascii || word.size() >= 4 || (word.size() >= 2 && is_unit_word(word))) {
    emit(Token::kWord, 0, word);
    return;
  }
  for (size_t i = 0; i < word.size(); ++i) emit(Token::kSymbol, static_cast<int>(word.size()), word.substr(i, 1));
}

/// After a digit group: a separator and exactly three digits. Moves `at` to the first of them.
bool Lexer::thousands_group(size_t& at) const {
  static constexpr std::string_view kSeparators[] = {",\\!", "{,}", ",\\,", ",", "\\,", "\\;", "\\ ", "\\!", " "};
  const auto next = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  size_t start = at;
  if (next(start) == ' ' && next(start + 1) == '{') ++start;  // "14 {, }916"
  for (const std::string_view separator : kSeparators) {
    size_t i = start;
    if (separator == "{,}" && next(i) == '{') {
      for (++i; next(i) == ' ' || next(i) == '\\' || next(i) == '!'; ++i) {
      }
      if (next(i) != ',') continue;
      for (++i; next(i) == ' ' || next(i) == '\\' || next(i) == '!'; ++i) {
      }
      if (next(i) != '}') continue;
      ++i;
    } else if (text_.substr(i).starts_with(separator)) {
      i += separator.size();
    } else {
      continue;
    }
    if (separator == ",\\!" || separator == "\\!") {
      while (next(i) == ' ') ++i;
    }
    if (is_digit(next(i)) && is_digit(next(i + 1)) && is_digit(next(i + 2)) && !is_digit(next(i + 3))) {
      at = i;
      return true;
    }
  }
  return false;
}

std::string Lexer::digits() {
  std::string out;
  while (is_digit(peek())) out += text_[at_++];
  HONE_CHECK(out.size() <= kMaxDigits, .what = "a number with too many digits");
  return out;
}

void Lexer::number() {
  std::string whole = digits();
  if (reading_.thousands && !whole.empty() && whole.size() <= 3 && whole[0] != '0') {
    for (size_t next = at_; thousands_group(next); next = at_) {
      at_ = next;
      whole += digits();
      HONE_CHECK(whole.size() <= kMaxDigits, .what = "a number with too many digits");
    }
  }
  std::string fraction;
  bool decimal = false;
  if (peek() == '.' && peek(1) != '.') {
    decimal = is_digit(peek(1)) || peek(1) == '\\' || peek(1) == '(';
    ++at_;
    fraction = digits();
  } else if (reading_.decimal_comma && peek() == ',' && is_digit(peek(1))) {
    decimal = true;
    ++at_;
    fraction = digits();
  }
  // A repeating part: 0.\overline{3}, 0.(3), 0.\dot{3}.
  std::string repeating;
  if (decimal &&
      (starts("\\overline") || starts("\\bar") || starts("\\dot{") || (peek() == '(' && is_digit(peek(1))))) {
    const size_t close = text_.find(peek() == '(' ? ')' : '}', at_);
    size_t open = at_;
    while (open < text_.size() && !is_digit(text_[open])) ++open;
    if (close != std::string_view::npos && open < close && close - open <= 32 &&
        std::all_of(text_.begin() + static_cast<std::ptrdiff_t>(open),
                    text_.begin() + static_cast<std::ptrdiff_t>(close), is_digit)) {
      repeating = text_.substr(open, close - open);
      at_ = close + 1;
    }
  }
  const std::string all = whole + fraction;
  Rational value(Integer(all.empty() ? "0" : all, 10), 1);
  Integer scale;
  mpz_ui_pow_ui(scale.get_mpz_t(), 10, fraction.size());
  value /= scale;
  if (!repeating.empty()) {
    Integer cycle;
    mpz_ui_pow_ui(cycle.get_mpz_t(), 10, repeating.size());
    value += Rational(Integer(repeating, 10)) / Rational(Integer((cycle - 1) * scale));
  }
  int places = decimal && repeating.empty() ? static_cast<int>(fraction.size()) : -1;
  if (reading_.exponents && (peek() == 'e' || peek() == 'E')) {
    const size_t sign_at = peek(1) == '-' || peek(1) == '+' ? 2 : 1;
    size_t end = at_ + sign_at;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const size_t n = end - at_ - sign_at;
    if (n >= 1 && n <= 3 && !(end < text_.size() && is_letter(text_[end]))) {
      const int exponent = std::stoi(std::string(text_.substr(at_ + sign_at, n))) * (peek(1) == '-' ? -1 : 1);
      Integer ten;
      mpz_ui_pow_ui(ten.get_mpz_t(), 10, static_cast<unsigned long>(std::abs(exponent)));
      value = exponent < 0 ? Rational(value / ten) : Rational(value * ten);
      places = std::max(0, std::max(places, 0) - exponent);
      at_ = end;
    }
  }
  value.canonicalize();
  Lexeme& lexeme = emit(Token::kNumber, decimal || !repeating.empty() ? 1 : 0, all);
  lexeme.value = std::move(value);
  lexeme.places = places;
}

/// "5%" is a percentage; "5% note" before the end of a line is a LaTeX comment.
void Lexer::percent_or_comment() {
  const size_t line = text_.find('\n', at_);
  const std::string_view rest = trim(text_.substr(at_ + 1, line == std::string_view::npos ? line : line - at_ - 1));
  if (line != std::string_view::npos && !rest.empty() && is_letter(rest[0])) {
    at_ = line;
    return;
  }
  ++at_;
  emit(Token::kPercent);
}

}  // namespace

std::vector<Lexeme> tokenize(std::string_view text, const Reading& reading) {
  return Lexer(text, reading, 0).run();
}

}  // namespace hone::math

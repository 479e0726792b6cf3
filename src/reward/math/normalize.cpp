#include "reward/math/normalize.h"

#include <algorithm>
#include <iterator>

#include "hone/tokenizer/utf8.h"

namespace hone::math {
namespace {

struct Replacement {
  char32_t from;
  std::string_view to;
};

// Sorted by code point.
constexpr Replacement kReplacements[] = {
    {0x00A0, " "},
    {0x00A2, "cents"},
    {0x00A3, "\\pounds "},
    {0x00A5, "\\yen "},
    {0x00AC, "\\neg "},
    {0x00AD, ""},
    {0x00B0, "^\\circ "},
    {0x00B1, "\\pm "},
    {0x00B2, "^{2}"},
    {0x00B3, "^{3}"},
    {0x00B5, "\\mu "},
    {0x00B7, "\\cdot "},
    {0x00B9, "^{1}"},
    {0x00BC, "\\frac{1}{4}"},
    {0x00BD, "\\frac{1}{2}"},
    {0x00BE, "\\frac{3}{4}"},
    {0x00D7, "\\times "},
    {0x00F7, "\\div "},
    {0x0391, "A"},
    {0x0393, "\\Gamma "},
    {0x0394, "\\Delta "},
    {0x0398, "\\Theta "},
    {0x039B, "\\Lambda "},
    {0x03A0, "\\Pi "},
    {0x03A3, "\\Sigma "},
    {0x03A6, "\\Phi "},
    {0x03A9, "\\Omega "},
    {0x03B1, "\\alpha "},
    {0x03B2, "\\beta "},
    {0x03B3, "\\gamma "},
    {0x03B4, "\\delta "},
    {0x03B5, "\\epsilon "},
    {0x03B8, "\\theta "},
    {0x03BB, "\\lambda "},
    {0x03BC, "\\mu "},
    {0x03BE, "\\xi "},
    {0x03C0, "\\pi "},
    {0x03C1, "\\rho "},
    {0x03C3, "\\sigma "},
    {0x03C4, "\\tau "},
    {0x03C6, "\\phi "},
    {0x03C8, "\\psi "},
    {0x03C9, "\\omega "},
    {0x03D5, "\\phi "},
    {0x061C, ""},
    {0x2009, "\\,"},
    {0x200A, "\\,"},
    {0x200B, ""},
    {0x200C, ""},
    {0x200D, ""},
    {0x200E, ""},
    {0x200F, ""},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2013, "-"},
    {0x2014, "-"},
    {0x2016, "\\|"},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x201C, "\""},
    {0x201D, "\""},
    {0x2026, "\\ldots "},
    {0x202A, ""},
    {0x202B, ""},
    {0x202C, ""},
    {0x202D, ""},
    {0x202E, ""},
    {0x202F, "\\,"},
    {0x2032, "'"},
    {0x2044, "/"},
    {0x2060, ""},
    {0x2061, ""},
    {0x2062, ""},
    {0x2063, ""},
    {0x2066, ""},
    {0x2067, ""},
    {0x2068, ""},
    {0x2069, ""},
    {0x20AC, "\\euro "},
    {0x2102, "\\mathbb{C}"},
    {0x2115, "\\mathbb{N}"},
    {0x211A, "\\mathbb{Q}"},
    {0x211D, "\\mathbb{R}"},
    {0x2124, "\\mathbb{Z}"},
    {0x2150, "\\frac{1}{7}"},
    {0x2151, "\\frac{1}{9}"},
    {0x2152, "\\frac{1}{10}"},
    {0x2153, "\\frac{1}{3}"},
    {0x2154, "\\frac{2}{3}"},
    {0x2155, "\\frac{1}{5}"},
    {0x2156, "\\frac{2}{5}"},
    {0x2157, "\\frac{3}{5}"},
    {0x2158, "\\frac{4}{5}"},
    {0x2159, "\\frac{1}{6}"},
    {0x215A, "\\frac{5}{6}"},
    {0x215B, "\\frac{1}{8}"},
    {0x215C, "\\frac{3}{8}"},
    {0x215D, "\\frac{5}{8}"},
    {0x215E, "\\frac{7}{8}"},
    {0x2192, "\\to "},
    {0x21D2, "\\Rightarrow "},
    {0x21D4, "\\Leftrightarrow "},
    {0x2205, "\\emptyset "},
    {0x2208, "\\in "},
    {0x2209, "\\notin "},
    {0x2212, "-"},
    {0x2213, "\\mp "},
    {0x2215, "/"},
    {0x2216, "\\setminus "},
    {0x2217, "*"},
    {0x2219, "\\cdot "},
    {0x221A, "\\sqrt "},
    {0x221B, "\\cbrt "},
    {0x221D, "\\propto "},
    {0x221E, "\\infty "},
    {0x2220, "\\angle "},
    {0x2223, "\\mid "},
    {0x2225, "\\parallel "},
    {0x2227, "\\land "},
    {0x2228, "\\lor "},
    {0x2229, "\\cap "},
    {0x222A, "\\cup "},
    {0x2236, ":"},
    {0x2248, "\\approx "},
    {0x2260, "\\ne "},
    {0x2261, "\\equiv "},
    {0x2264, "\\le "},
    {0x2265, "\\ge "},
    {0x2266, "\\le "},
    {0x2267, "\\ge "},
    {0x226A, "<"},
    {0x226B, ">"},
    {0x2282, "\\subset "},
    {0x2286, "\\subseteq "},
    {0x22A5, "\\perp "},
    {0x22C5, "\\cdot "},
    {0x2308, "\\lceil "},
    {0x2309, "\\rceil "},
    {0x230A, "\\lfloor "},
    {0x230B, "\\rfloor "},
    {0x27E8, "\\langle "},
    {0x27E9, "\\rangle "},
    {0x2A7D, "\\le "},
    {0x2A7E, "\\ge "},
    {0x3000, " "},
    {0x3001, ","},
    {0x3002, "."},
    {0x3008, "\\langle "},
    {0x3009, "\\rangle "},
    {0xFEFF, ""},
};

std::string_view replacement(char32_t c) {
  const auto* at = std::lower_bound(std::begin(kReplacements), std::end(kReplacements), c,
                                    [](const Replacement& r, char32_t value) { return r.from < value; });
  return at != std::end(kReplacements) && at->from == c ? at->to : std::string_view("\0", 1);
}

/// The digit of a superscript or subscript sign of the block 2070..209F, with the signs for - and +.
char small_digit(char32_t c) {
  const char32_t low = c & 0x0F;
  if (c < 0x2070 || c > 0x208F || low == 1 || low == 2 || low == 3) {
    return c >= 0x2080 && c <= 0x2083 ? static_cast<char>('0' + low) : '\0';
  }
  if (low <= 9) return static_cast<char>('0' + low);
  if (low == 0x0A) return '+';
  if (low == 0x0B) return '-';
  if (c == 0x207F) return 'n';
  return '\0';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A text that went through one escaping too many has two backslashes for each one. Inside an environment two of them
/// are a row break, unless \begin itself is doubled.
std::string halve_backslashes(std::string text) {
  if (text.find("\\\\") == std::string::npos) return text;
  const bool everywhere = text.find("\\\\begin") != std::string::npos;
  if (!everywhere && text.find("\\begin") != std::string::npos) return text;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 2 < text.size() ? text[i + 2] : '\0';
    const bool doubled = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\';
    if (doubled && (everywhere || is_letter(next) ||
                    (next != '\0' && std::string_view("{}%$!,;:\\").find(next) != std::string_view::npos)))
      ++i;
    out += text[i];
  }
  return out;
}

/// Joins "^{2}^{3}", which two superscript signs leave, to "^{23}".
void append_small(std::string& out, char mark, char digit) {
  const size_t open = out.rfind(std::string{mark, '{'});
  if (!out.empty() && out.back() == '}' && open != std::string::npos && out.size() - open <= 12) {
    const std::string_view inside(out.data() + open + 2, out.size() - open - 3);
    if (inside.find_first_not_of("0123456789+-n") == std::string_view::npos) {
      out.insert(out.size() - 1, 1, digit);
      return;
    }
  }
  out.append({mark, '{', digit, '}'});
}

}  // namespace

std::optional<std::string> normalize(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      out += text[at++];
      continue;
    }
    const size_t start = at;
    const char32_t c = next_code_point(text, at);
    if (c == kInvalidCodePoint) return std::nullopt;
    if (c >= 0xFF01 && c <= 0xFF5E) {
      out += static_cast<char>(c - 0xFF01 + '!');
    } else if (const char digit = small_digit(c)) {
      append_small(out, c < 0x2080 ? '^' : '_', digit);
    } else if (const std::string_view latex = replacement(c); latex != std::string_view("\0", 1)) {
      if (latex.size() == 4 && latex[0] == '^' && latex[1] == '{') {
        append_small(out, '^', latex[2]);
      } else {
        out += latex;
      }
    } else {
      out += text.substr(start, at - start);
    }
  }
  return halve_backslashes(std::move(out));
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

std::string plain_words(std::string_view latex) {
  std::string out;
  const auto space = [&] {
    if (!out.empty() && out.back() != ' ') out += ' ';
  };
  for (size_t i = 0; i < latex.size(); ++i) {
    const char c = latex[i];
    if (c == '\\') {
      size_t end = i + 1;
      while (end < latex.size() && is_letter(latex[end])) ++end;
      const std::string_view command = latex.substr(i + 1, end - i - 1);
      const bool style = command.starts_with("text") || command.starts_with("math") || command == "mbox" ||
                         command == "hbox" || command == "left" || command == "right" || command == "quad" ||
                         command == "operatorname" || command == "displaystyle" || command == "boxed";
      if (command.empty()) {
        space();
        if (end < latex.size() && std::string_view("%$#&_{}").find(latex[end]) != std::string_view::npos)
          out += latex[end];
        i = end;
      } else {
        if (!style) out.append("\\").append(command);
        i = end - 1;
      }
    } else if (c == '{' || c == '}' || c == '$' || c == '"' || c == '*' || c == '`') {
      continue;
    } else if (c == ' ' || c == '~' || c == '\n' || c == '\t' || c == '\r' || c == '\f') {
      if (out.empty() || out.back() != ',') space();
    } else {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  const size_t last = out.find_last_not_of(" .,;:!");
  out.resize(last == std::string::npos ? 0 : last + 1);
  return out;
}

}  // namespace hone::math

#include "reward/code/compare.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace hone::code {
namespace {

constexpr std::string_view kBlank = " \t\r\n\v\f";

/// Takes the next word off `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kBlank));
  text.remove_prefix(word.size());
  return word;
}

/// Takes the next line off `text`, without blanks at its end.
std::string_view next_line(std::string_view& text) {
  std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  const size_t last = line.find_last_not_of(kBlank);
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// A finite decimal number and nothing else: no nan, inf or hexadecimal.
std::optional<double> read_number(std::string_view word) {
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  if (word.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool equal_words(std::string_view word, std::string_view expected, std::optional<double> tolerance) {
  if (word == expected) return true;
  if (!tolerance) return false;
  const auto value = read_number(word), wanted = read_number(expected);
  return value && wanted && std::abs(*value - *wanted) <= *tolerance * std::max(1.0, std::abs(*wanted));
}

std::string shorten(std::string_view text) {
  return text.size() <= 40 ? std::string(text) : std::string(text.substr(0, 37)) + "...";
}

std::string difference(size_t at, std::string_view what, std::string_view got, std::string_view expected) {
  return fmt::format("{} {}: got '{}', expected '{}'", what, at, shorten(got), shorten(expected));
}

}  // namespace

std::optional<std::string> find_difference(std::string_view output, std::string_view expected,
                                           CodeComparison comparison, std::optional<double> float_tolerance) {
  if (comparison == CodeComparison::kLines) {
    const auto without_end = [](std::string_view text) {
      const size_t last = text.find_last_not_of(kBlank);
      return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    };
    output = without_end(output);
    expected = without_end(expected);
    for (size_t at = 1; !output.empty() || !expected.empty(); ++at) {
      const std::string_view got = next_line(output), wanted = next_line(expected);
      if (got != wanted) return difference(at, "line", got, wanted);
    }
    return std::nullopt;
  }
  for (size_t at = 1;; ++at) {
    const std::string_view got = next_word(output), wanted = next_word(expected);
    if (got.empty() && wanted.empty()) return std::nullopt;
    if (!equal_words(got, wanted, float_tolerance)) return difference(at, "word", got, wanted);
  }
}

}  // namespace hone::code

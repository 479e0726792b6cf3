#include "reward/math/units.h"

#include <algorithm>
#include <unordered_map>

#include "reward/math/lexer.h"
#include "reward/math/normalize.h"

namespace hone::math {
namespace {

struct Known {
  std::string_view base;
  long numerator = 1, denominator = 1;
  int exponent = 1;
};

// clang-format off
constexpr std::pair<std::string_view, Known> kUnits[] = {
    {"m", {"m"}}, {"meter", {"m"}}, {"meters", {"m"}}, {"metre", {"m"}}, {"metres", {"m"}}, {"cm", {"m", 1, 100}},
    {"centimeter", {"m", 1, 100}}, {"centimeters", {"m", 1, 100}}, {"centimetres", {"m", 1, 100}},
    {"mm", {"m", 1, 1000}}, {"millimeters", {"m", 1, 1000}}, {"dm", {"m", 1, 10}}, {"km", {"m", 1000}},
    {"kilometer", {"m", 1000}}, {"kilometers", {"m", 1000}}, {"kilometres", {"m", 1000}},
    {"nm", {"m", 1, 1000000000}}, {"pm", {"pm"}}, {"am", {"am"}}, {"AM", {"am"}}, {"PM", {"pm"}},
    {"angstrom", {"m", 1, 10000000000}}, {"angstroms", {"m", 1, 10000000000}}, {"in", {"m", 254, 10000}},
    {"inch", {"m", 254, 10000}}, {"inches", {"m", 254, 10000}}, {"ft", {"m", 3048, 10000}},
    {"foot", {"m", 3048, 10000}}, {"feet", {"m", 3048, 10000}}, {"yard", {"m", 9144, 10000}},
    {"yards", {"m", 9144, 10000}}, {"yd", {"m", 9144, 10000}}, {"mile", {"m", 1609344, 1000}},
    {"miles", {"m", 1609344, 1000}}, {"mi", {"m", 1609344, 1000}}, {"g", {"g"}}, {"gram", {"g"}}, {"grams", {"g"}},
    {"kg", {"g", 1000}}, {"kilogram", {"g", 1000}}, {"kilograms", {"g", 1000}}, {"mg", {"g", 1, 1000}},
    {"ton", {"ton"}}, {"tons", {"ton"}}, {"lb", {"lb"}}, {"lbs", {"lb"}}, {"pound", {"lb"}}, {"pounds", {"lb"}},
    {"oz", {"oz"}}, {"ounce", {"oz"}}, {"ounces", {"oz"}}, {"s", {"s"}}, {"sec", {"s"}}, {"second", {"s"}},
    {"seconds", {"s"}}, {"ms", {"s", 1, 1000}}, {"min", {"s", 60}}, {"minute", {"s", 60}}, {"minutes", {"s", 60}},
    {"mins", {"s", 60}}, {"h", {"s", 3600}}, {"hr", {"s", 3600}}, {"hrs", {"s", 3600}}, {"hour", {"s", 3600}},
    {"hours", {"s", 3600}}, {"day", {"s", 86400}}, {"days", {"s", 86400}}, {"week", {"s", 604800}},
    {"weeks", {"s", 604800}}, {"month", {"month"}}, {"months", {"month"}}, {"year", {"year"}}, {"years", {"year"}},
    {"yr", {"year"}}, {"mph", {"mph"}}, {"kph", {"m", 1000}}, {"L", {"m", 1, 10, 3}}, {"l", {"m", 1, 10, 3}},
    {"liter", {"m", 1, 10, 3}}, {"liters", {"m", 1, 10, 3}}, {"litres", {"m", 1, 10, 3}}, {"ml", {"m", 1, 100, 3}},
    {"mL", {"m", 1, 100, 3}}, {"milliliters", {"m", 1, 100, 3}}, {"gallon", {"gallon"}}, {"gallons", {"gallon"}},
    {"dollar", {"dollar"}}, {"dollars", {"dollar"}}, {"usd", {"dollar"}}, {"cent", {"dollar", 1, 100}},
    {"cents", {"dollar", 1, 100}}, {"euro", {"euro"}}, {"euros", {"euro"}}, {"yuan", {"yuan"}}, {"rmb", {"yuan"}},
    {"deg", {"deg"}}, {"degree", {"deg"}}, {"degrees", {"deg"}}, {"rad", {"rad"}}, {"radian", {"rad"}},
    {"radians", {"rad"}}, {"hz", {"s", 1, 1, -1}}, {"Hz", {"s", 1, 1, -1}}, {"eV", {"eV"}}, {"keV", {"eV", 1000}},
    {"joule", {"J"}}, {"joules", {"J"}}, {"kJ", {"J", 1000}}, {"newtons", {"N"}}, {"watts", {"W"}},
    {"volts", {"V"}}, {"mol", {"mol"}}, {"moles", {"mol"}}, {"kcal", {"kcal"}}, {"amu", {"amu"}}, {"%", {"%"}},
    {"percent", {"%"}}, {"percentage", {"%"}}, {"pct", {"%"}},
};
// clang-format on

const std::unordered_map<std::string_view, Known>& table() {
  static const std::unordered_map<std::string_view, Known> units(std::begin(kUnits), std::end(kUnits));
  return units;
}

/// One factor, "cm" or "cm^2" or "square" before it; multiplies it into `unit`.
bool read_factor(std::string_view name, int sign, Unit& unit) {
  int exponent = 1;
  if (const size_t caret = name.find('^'); caret != std::string_view::npos) {
    const std::string_view digits = name.substr(caret + 1);
    const bool negative = digits.starts_with('-');
    if (digits.size() != (negative ? 2U : 1U) || digits.back() < '1' || digits.back() > '9') return false;
    exponent = (digits.back() - '0') * (negative ? -1 : 1);
    name = name.substr(0, caret);
  }
  auto found = table().find(name);
  if (found == table().end()) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name.size() > 2) found = table().find(lower);
    if (found == table().end()) return false;
  }
  const Known& known = found->second;
  const int total = known.exponent * exponent * sign;
  int& entry = unit.dimension[std::string(known.base)];
  entry += total;
  if (entry == 0) unit.dimension.erase(std::string(known.base));
  Rational step(known.numerator, static_cast<unsigned long>(known.denominator));
  step.canonicalize();
  if (total < 0) step = 1 / step;
  for (int i = 0; i < std::abs(total); ++i) unit.scale *= step;
  return true;
}

}  // namespace

bool is_unit_word(std::string_view word) {
  static constexpr std::string_view kAmbiguous[] = {"in", "mi", "yd", "mg",
                                                    "ms", "am", "deg"};  // "am", "ms": products too
  return table().contains(word) &&
         (word.size() > 3 || std::find(std::begin(kAmbiguous), std::end(kAmbiguous), word) == std::end(kAmbiguous));
}

std::optional<Unit> read_unit(std::string_view name) {
  Unit unit;
  int sign = 1, pending_power = 1;
  bool any = false;
  while (!name.empty()) {
    const size_t end = std::min(name.find_first_of(" */·"), name.size());
    const std::string_view word = name.substr(0, end);
    if (word == "square" || word == "sq" || word == "cubic") {
      pending_power = word == "cubic" ? 3 : 2;
    } else if (word == "per") {
      sign = -1;
    } else if (!word.empty() && word != "1" && word != "of" && word != "the") {
      for (int i = 0; i < pending_power; ++i) {
        if (!read_factor(word, sign, unit)) return std::nullopt;
      }
      pending_power = 1;
      any = true;
      sign = 1;
    }
    if (end < name.size() && name[end] == '/') sign = -1;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  if (!any) return std::nullopt;
  return unit;
}

long multiplier(std::string_view word) {
  static constexpr std::pair<std::string_view, long> kMultipliers[] = {
      {"hundred", 100}, {"thousand", 1000}, {"million", 1000000}, {"billion", 1000000000}, {"trillion", 1000000000000}};
  const std::string plain = plain_words(word);
  for (const auto& [name, factor] : kMultipliers) {
    if (plain == name || (plain.size() == name.size() + 1 && plain.starts_with(name) && plain.ends_with('s')))
      return factor;
  }
  return 0;
}

bool is_filler(std::string_view words) {
  static constexpr std::string_view kFillers[] = {"the",    "final",  "answer",  "is",      "are",    "approximately",
                                                  "about",  "around", "roughly", "exactly", "simply", "equal",
                                                  "equals", "to",     "value",   "result",  "a",      "an",
                                                  "of",     "total",  "approx",  "ans"};
  std::string_view rest = words;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(" :,."), rest.size());
    const std::string word = plain_words(rest.substr(0, end));
    if (!word.empty() && std::find(std::begin(kFillers), std::end(kFillers), word) == std::end(kFillers)) return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

bool is_hedge(std::string_view words) {
  static constexpr std::string_view kHedges[] = {"not",     "or",     "no",       "wrong", "incorrect", "maybe",
                                                 "perhaps", "but",    "either",   "isn't", "false",     "neither",
                                                 "nor",     "except", "possibly", "than"};
  const std::string plain = plain_words(words);
  size_t at = 0;
  while (at < plain.size()) {
    const size_t end = std::min(plain.find(' ', at), plain.size());
    if (std::find(std::begin(kHedges), std::end(kHedges), std::string_view(plain).substr(at, end - at)) !=
        std::end(kHedges))
      return true;
    at = end + 1;
  }
  return false;
}

}  // namespace hone::math

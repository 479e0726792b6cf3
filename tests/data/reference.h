// A second, independent reading of the chain world, for the tests to compare with.
#pragma once

#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace hone::reference {

inline std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

inline int digit(const std::string& word) {
  static const std::map<std::string, int> kDigits = {{"zero", 0}, {"one", 1}, {"two", 2},   {"three", 3}, {"four", 4},
                                                     {"five", 5}, {"six", 6}, {"seven", 7}, {"eight", 8}, {"nine", 9},
                                                     {"零", 0},   {"一", 1},  {"二", 2},    {"三", 3},    {"四", 4},
                                                     {"五", 5},   {"六", 6},  {"七", 7},    {"八", 8},    {"九", 9}};
  return kDigits.at(word);
}

inline bool english(const std::string& word) {
  return static_cast<unsigned char>(word[0]) < 0x80;
}

/// The answer to the question that `text` ends with: "compute seven plus six ?", whatever stands before "compute".
inline int answer(const std::string& text) {
  const auto all = words(text);
  size_t at = 0;
  while (all.at(at) != "compute" && all.at(at) != "计算") ++at;
  long value = digit(all.at(++at));
  for (++at; all.at(at) != "?"; at += 2) {
    const std::string& op = all[at];
    const int operand = digit(all.at(at + 1));
    if (op == "plus" || op == "加") {
      value += operand;
    } else if (op == "minus" || op == "减") {
      value -= operand;
    } else if (op == "times" || op == "乘") {
      value *= operand;
    } else {
      throw std::runtime_error("no operator: " + op);
    }
  }
  return static_cast<int>((value % 10 + 10) % 10);  // one remainder at the end is the same as one a step
}

/// Whether `hits` of `n` draws are within five standard deviations of the probability p.
inline bool plausible(double hits, double n, double p) {
  return std::abs(hits - n * p) <= 5 * std::sqrt(n * p * (1 - p)) + 1;
}

}  // namespace hone::reference

// Mutated answers: no crash, no verdict above 50 ms, and every text that can be a gold is itself. The mutations are the
// same in every run; HONE_FUZZ_ROUNDS sets how many there are.
#include <functional>
#include <limits>

#include "hone/core/random.h"
#include "reward/math_tables.h"

namespace hone {
namespace {

using test::json;

std::vector<std::string> seeds() {
  std::vector<std::string> out;
  for (const json& row : test::rows(test::fixture("math_answers.jsonl"))) {
    out.push_back(row["gold"]);
    out.push_back(row["pred"]);
  }
  const auto table = test::shared_data() / "other_grader_cases.jsonl";
  if (!std::filesystem::exists(table)) return out;
  for (const json& row : test::rows(table)) {
    out.push_back(row["gold"]);
    out.push_back(row["pred"]);
  }
  for (const json& row : test::rows(test::shared_data() / "math_verify_cases.jsonl")) {
    for (const char* const side : {"gold", "pred"}) {
      if (row[side].get<std::string>().size() < 300) out.push_back(row[side]);
    }
  }
  return out;
}

const std::vector<std::string> kPieces = {"\\frac",
                                          "\\sqrt",
                                          "{",
                                          "}",
                                          "(",
                                          ")",
                                          "[",
                                          "]",
                                          "\\{",
                                          "\\}",
                                          "|",
                                          "^",
                                          "_",
                                          "!",
                                          ",",
                                          ";",
                                          ":",
                                          "=",
                                          "<",
                                          "\\le",
                                          "\\pm",
                                          "\\mp",
                                          "\\cup",
                                          "\\cap",
                                          "\\setminus",
                                          "\\in",
                                          "\\infty",
                                          "\\text{",
                                          "\\begin{pmatrix}",
                                          "\\end{pmatrix}",
                                          "&",
                                          "\\\\",
                                          "\\binom",
                                          "\\sum_{k=1}^{9}",
                                          "\\int",
                                          "\\log_",
                                          "\\sin",
                                          "^{-1}",
                                          "\\left",
                                          "\\right",
                                          "\\boxed{",
                                          "\\%",
                                          "%",
                                          "\\$",
                                          "$",
                                          "^\\circ",
                                          "10^{10^{10}}",
                                          "999999999",
                                          "e",
                                          "i",
                                          "\\pi",
                                          "x",
                                          "y_1",
                                          "f(x)",
                                          "0",
                                          "1",
                                          "-",
                                          "+",
                                          "*",
                                          "/",
                                          "\\cdot",
                                          ".",
                                          "..",
                                          "'",
                                          "\\overline{3}",
                                          "\\mathbb{R}",
                                          " or ",
                                          " and ",
                                          "\\mod",
                                          "\\pmod{7}",
                                          "cm",
                                          "\\,",
                                          "\xFF",
                                          "\xE2\x88\x92",
                                          "½",
                                          "²",
                                          "<think>",
                                          "</think>",
                                          "<answer>",
                                          "</answer>",
                                          "\n",
                                          "\\",
                                          "\\emptyset",
                                          "\\begin{cases}",
                                          "\\end{cases}",
                                          "\\choose",
                                          "\\over",
                                          "\\vec",
                                          "\\dot"};

std::string mutated(std::string text, const std::vector<std::string>& seeds, RandomStream& random) {
  const uint64_t edits = 1 + random.next_below(5);
  for (uint64_t i = 0; i < edits; ++i) {
    const size_t at = random.next_below(text.size() + 1);
    const size_t length = std::min<size_t>(random.next_below(6), text.size() - at);
    switch (random.next_below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kPieces[random.next_below(kPieces.size())]);
        break;
      case 2:
        text.replace(at, length, kPieces[random.next_below(kPieces.size())]);
        break;
      case 3:
        text.insert(at, text.substr(at, random.next_below(40)));
        break;
      case 4: {
        const std::string& other = seeds[random.next_below(seeds.size())];
        text = text.substr(0, at) + other.substr(std::min(other.size(), size_t{random.next_below(other.size() + 1)}));
        break;
      }
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.next_below(256));
        break;
    }
  }
  return text.substr(0, 2000);
}

// CPU time of `judge`. A busy machine charges a process for what others do, so a slow call is timed again.
double fastest_of_three(const std::function<void()>& judge) {
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3 && fastest >= test::kMaxVerdictMs; ++i) {
    const double start = test::cpu_ms();
    judge();
    fastest = std::min(fastest, test::cpu_ms() - start);
  }
  return fastest;
}

TEST(MathFuzz, MutatedAnswers) {
  const char* const setting = std::getenv("HONE_FUZZ_ROUNDS");
  const uint64_t rounds = setting != nullptr ? std::strtoull(setting, nullptr, 10) : 20000;
  const char* const first = std::getenv("HONE_FUZZ_SEED");
  RandomStream random(first != nullptr ? std::strtoull(first, nullptr, 10) : 1, RandomPurpose::kTest);
  const std::vector<std::string> all = seeds();
  double slowest = 0;
  std::string slowest_text;
  for (uint64_t round = 0; round < rounds; ++round) {
    const std::string gold = mutated(all[random.next_below(all.size())], all, random);
    const std::string pred = random.next_bernoulli(0.5) ? mutated(gold, all, random)
                                                        : mutated(all[random.next_below(all.size())], all, random);
    MathVerdict boxed, in_text;
    const double ms = fastest_of_three([&] { boxed = verify_math("<think>a</think>\\boxed{" + pred + "}", gold); });
    const double text_ms = fastest_of_three(
        [&] { in_text = verify_math(pred, gold, {.answer = MathAnswer::kText, .variable_names_matter = false}); });
    ASSERT_LT(std::max(ms, text_ms), test::kMaxVerdictMs)
        << json(gold).dump(-1, ' ', true, json::error_handler_t::replace) << "  |  "
        << json(pred).dump(-1, ' ', true, json::error_handler_t::replace);
    if (std::max(ms, text_ms) > slowest) {
      slowest = std::max(ms, text_ms);
      slowest_text = gold + "  |  " + pred;
    }
    ASSERT_EQ(boxed.reason.empty(), boxed.right());
    ASSERT_EQ(boxed.reason.find("internal"), std::string::npos) << boxed.reason << ": " << gold << "  |  " << pred;
    ASSERT_EQ(in_text.reason.find("internal"), std::string::npos) << in_text.reason << ": " << gold << "  |  " << pred;
    const Verdict self = compare_answers(gold, gold).verdict;
    ASSERT_TRUE(self == Verdict::kRight || self == Verdict::kUnusable) << gold;
  }
  std::printf("slowest of %llu: %.2f ms: %s\n", static_cast<unsigned long long>(rounds), slowest, slowest_text.c_str());
}

}  // namespace
}  // namespace hone

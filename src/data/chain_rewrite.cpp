#include "hone/data/chain_rewrite.h"

#include <fmt/format.h>

#include "hone/data/chains.h"

namespace hone {
namespace {

constexpr double kSecondLook = 0.3;

std::string statement_text(const ChainStatement& statement, ChainLanguage language) {
  std::string text(digit_word(statement.start, language));
  for (const ChainStep& step : statement.steps) {
    text += fmt::format(" {} {}", operator_word(step.op, language), digit_word(step.operand, language));
  }
  return fmt::format("{} {} {} .", text, chain_word("is", language), digit_word(statement.result, language));
}

// The first statements that do all of the question's steps; nothing when they leave it or are wrong.
std::optional<std::vector<ChainStatement>> first_pass(const ChainProblem& problem, const ChainReading& reading) {
  std::vector<ChainStatement> pass;
  size_t done = 0;
  int value = problem.start;
  for (const ChainStatement& statement : reading.statements) {
    if (done == problem.steps.size()) break;
    if (statement.start != value || !statement.correct()) return std::nullopt;
    for (const ChainStep& step : statement.steps) {
      if (done == problem.steps.size() || step.op != problem.steps[done].op ||
          step.operand != problem.steps[done].operand) {
        return std::nullopt;
      }
      ++done;
    }
    value = statement.result;
    pass.push_back(statement);
  }
  return done == problem.steps.size() ? std::optional(pass) : std::nullopt;
}

}  // namespace

std::optional<std::string> rewrite_chain(const Prompt& prompt, const std::string& completion, RandomStream& random) {
  const auto problem = read_problem(prompt.text);
  const ChainReading reading = read_chain(completion);
  if (!problem || reading.answer != problem->answer()) return std::nullopt;
  const auto pass = first_pass(*problem, reading);
  if (!pass) return std::nullopt;

  const ChainLanguage language = problem->language;
  const auto word = [language](std::string_view english) { return chain_word(english, language); };
  std::string text = fmt::format("<think> {} {} .", word("i-need"), word("compute"));
  for (const ChainStatement& statement : *pass) {
    text += fmt::format(" {} {}", word(&statement == &pass->front() ? "first" : "then"),
                        statement_text(statement, language));
  }
  if (random.next_bernoulli(kSecondLook)) {
    text += fmt::format(" {} {} .", word("wait"), word("check"));
    for (const ChainStatement& statement : *pass) text += " " + statement_text(statement, language);
    text += fmt::format(" {} .", word("yes"));
  }
  return fmt::format("{} </think> <answer> {} : {} </answer>", text, word("answer"),
                     digit_word(problem->answer(), language));
}

}  // namespace hone

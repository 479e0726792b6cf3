#include "hone/data/benchmarks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "hone/core/error.h"
#include "hone/core/hash.h"
#include "hone/data/reasoning_text.h"
#include "live_code_bench.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::initializer_list<const char*>;

// A row of a benchmark's file, to which fields are added.
class Row {
 public:
  Row(Benchmark benchmark, const Record& record, const std::string& place)
      : benchmark_(benchmark), place_(place), json_(Json::parse(record.dump())) {
    for (const auto& [name, value] : json_.items()) names_.push_back(name);
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    throw_input({.what = fmt::format("not a row of {}", enum_name(benchmark_)),
                 .place = place_,
                 .got = fmt::format("fields {}", fmt::join(names_, ", ")),
                 .expected = expected});
  }

  const Json& json() const { return json_; }
  /// The first of these fields that the row has, whatever it holds.
  const Json* find(Names names) const {
    for (const char* const name : names) {
      if (const auto at = json_.find(name); at != json_.end()) return &*at;
    }
    return nullptr;
  }
  /// Of these as text; nothing where none of them is a text or a number.
  std::optional<std::string> find_text(Names names) const {
    const Json* const value = find(names);
    if (value == nullptr || value->is_null() || value->is_structured()) return std::nullopt;
    return value->is_string() ? value->get<std::string>() : value->dump();
  }
  std::string text(Names names) const {
    auto found = find_text(names);
    if (!found || is_blank(*found)) refuse(fmt::format("a text {}", fmt::join(names, " or ")));
    return *std::move(found);
  }
  /// A list of texts with at least `least` elements.
  std::vector<std::string> texts(const Json* list, size_t least, const std::string& name) const {
    std::vector<std::string> out;
    const bool is_list = list != nullptr && list->is_array();
    for (const Json& element : is_list ? *list : Json::array()) {
      if (element.is_structured() || element.is_null()) refuse(fmt::format("{}, a list of texts", name));
      out.push_back(element.is_string() ? element.get<std::string>() : element.dump());
    }
    if (out.size() < least) refuse(fmt::format("{}, a list of at least {} texts", name, least));
    return out;
  }

  void set(const char* name, Json value) { json_[name] = std::move(value); }
  void forget(const char* name) { json_.erase(name); }
  Record record() const { return Record::parse(json_.dump(), place_); }

 private:
  const Benchmark benchmark_;
  const std::string& place_;
  Json json_;
  std::vector<std::string> names_;
};

// What stands in the last \boxed{...} or \fbox{...}; `\boxed 5$` ends at the dollar.
std::optional<std::string> last_box(std::string_view text) {
  size_t at = std::string_view::npos, length = 0;
  for (const std::string_view command : {"\\boxed", "\\fbox"}) {
    const size_t found = text.rfind(command);
    if (found == std::string_view::npos || (at != std::string_view::npos && found < at)) continue;
    at = found;
    length = command.size();
  }
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = trim(text.substr(at + length));
  if (!rest.starts_with('{')) return std::string(trim(rest.substr(0, rest.find('$'))));
  int depth = 0;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '{') {
      ++depth;
    } else if (rest[i] == '}' && --depth == 0) {
      return std::string(rest.substr(1, i - 1));
    }
  }
  return std::nullopt;
}

void read_gsm8k(Row& row) {
  const std::string solution = row.text({"answer"});
  const size_t marks = solution.rfind("####");
  const std::string answer(trim(marks == std::string::npos ? "" : std::string_view(solution).substr(marks + 4)));
  if (answer.empty()) row.refuse("an answer that ends with #### and the number");
  row.set("prompt", row.text({"question"}));
  row.set("solution", solution);
  row.set("answer", answer);
}

// The gold: `answer`, or the last box of `solution`. A null one stays away; rewards report that, and an empty one.
void read_gold(Row& row) {
  if (const Json* const answer = row.find({"answer", "Answer"})) {
    if (answer->is_null()) return row.forget("answer");
    const auto text = row.find_text({"answer", "Answer"});
    if (!text) row.refuse("an answer that is a text or a number");
    return row.set("answer", *text);
  }
  const auto box = last_box(row.text({"solution", "Solution"}));
  if (!box) row.refuse("an answer, or a solution with \\boxed{...}");
  row.set("answer", *box);
}

void read_math(Row& row) {
  row.set("prompt", row.text({"problem", "question", "Problem"}));
  read_gold(row);
}

// Answers are the integers from 0 to 999, some written with leading zeros, some as 33.0.
void read_aime(Row& row) {
  read_math(row);
  const auto answer = row.find_text({"answer"});
  if (!answer) return;
  if (is_blank(*answer)) row.refuse("an answer from 0 to 999");
  double value = -1;
  const Json number =
      Json::parse(answer->substr(std::min(answer->size() - 1, answer->find_first_not_of('0'))), nullptr, false);
  if (number.is_number()) value = number.get<double>();
  if (value < 0 || value > 999 || value != std::floor(value)) row.refuse("an answer from 0 to 999");
  row.set("answer", fmt::format("{:.0f}", value));
}

void read_olympiad(Row& row) {
  const std::string question = row.text({"question"});
  const auto context = row.find_text({"context"});
  row.set("prompt", context && !is_blank(*context) ? *context + "\n" + question : question);
  row.set("answer", row.texts(row.find({"final_answer"}), 1, "final_answer"));
}

void read_human_eval(Row& row) {
  row.text({"prompt"});
  row.set("test", row.text({"test", "tests"}));
  if (!row.find({"language"})) row.text({"entry_point"});  // MultiPL-E names the function in its tests
}

void read_mbpp(Row& row) {
  const std::vector<std::string> tests = row.texts(row.find({"test_list"}), 1, "test_list");
  row.set("prompt", fmt::format("{}\nYour code should pass these tests:\n\n{}\n", row.text({"text", "prompt"}),
                                fmt::join(tests, "\n")));
}

void read_live_code_bench(Row& row) {
  const std::string question = row.text({"question_content", "content"});
  const std::string starter = row.find_text({"starter_code"}).value_or("");
  const bool whole = row.find({"question_content"}) == nullptr;  // it says itself how to answer
  row.set("prompt", whole ? question
                    : is_blank(starter)
                        ? question +
                              "\n\nRead the input from standard input and write the answer to "
                              "standard output.\n"
                        : fmt::format("{}\n\nBegin with this code:\n```python\n{}\n```\n", question, starter));
  try {
    const Json fields = live_code_bench_tests(row.json());
    for (const char* const name : {"test", "test_cases", "test_list"}) row.forget(name);
    for (const auto& [name, value] : fields.items()) row.set(name.c_str(), value);
  } catch (const std::invalid_argument& problem) {
    row.refuse(problem.what());
  }
}

// The question with its options by letters.
void set_choices(Row& row, const std::string& question, const std::vector<std::string>& choices) {
  constexpr size_t kLetters = 26;
  if (choices.size() > kLetters) row.refuse("at most 26 choices");
  std::string prompt = question + "\n\n";
  for (size_t i = 0; i < choices.size(); ++i) {
    prompt += fmt::format("{}) {}\n", static_cast<char>('A' + i), choices[i]);
  }
  row.set("prompt", prompt);
  row.set("choices", choices);
}

void read_mmlu(Row& row) {
  std::vector<std::string> choices;
  const Json* const list = row.find({"choices", "options"});
  if (list == nullptr && row.find({"A"})) {
    for (const char* const letter : {"A", "B", "C", "D"}) choices.push_back(row.text({letter}));
  } else {
    choices = row.texts(list, 2, "choices");
  }
  set_choices(row, row.text({"question", "Question"}), choices);
  const Json* const answer = row.find({"answer", "Answer"});
  const auto size = static_cast<int64_t>(choices.size());
  int64_t index = -1;
  if (answer != nullptr && answer->is_number_integer()) index = answer->get<int64_t>();
  if (answer != nullptr && answer->is_string() && answer->get_ref<const std::string&>().size() == 1) {
    index = answer->get_ref<const std::string&>()[0] - 'A';
  }
  if (index < 0 || index >= size)
    row.refuse(fmt::format("an answer, the letter or the number from 0 of one of {}", size));
  row.set("answer", std::string(1, static_cast<char>('A' + index)));
}

// The authors' file has the right option first. The order that is asked in depends on nothing but the texts.
void read_gpqa(Row& row) {
  if (!row.find({"Correct Answer"})) return read_mmlu(row);
  const std::string question(trim(row.text({"Question"})));
  std::vector<std::string> choices;
  for (const char* const name : {"Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"}) {
    choices.emplace_back(trim(row.text({name})));
  }
  const std::string right = choices.front();
  std::ranges::sort(choices, {}, [&](const std::string& choice) { return sha256(question + "\n" + choice); });
  set_choices(row, question, choices);
  row.set("answer", std::string(1, static_cast<char>('A' + (std::ranges::find(choices, right) - choices.begin()))));
}

void read_ifeval(Row& row) {
  row.text({"prompt"});
  const size_t ids = row.texts(row.find({"instruction_id_list"}), 1, "instruction_id_list").size();
  const Json* const parameters = row.find({"kwargs"});
  if (parameters == nullptr || !parameters->is_array() || parameters->size() != ids) {
    row.refuse("kwargs, a list as long as instruction_id_list");
  }
}

struct Reader {
  void (*read)(Row& row);
  std::string_view judge;
};

Reader reader(Benchmark benchmark) {
  switch (benchmark) {
    case Benchmark::kGsm8k:
      return {read_gsm8k, "math"};
    case Benchmark::kMath:
    case Benchmark::kAmc:
    case Benchmark::kMinerva:
      return {read_math, "math"};
    case Benchmark::kAime:
      return {read_aime, "math"};
    case Benchmark::kOlympiadBench:
      return {read_olympiad, "math"};
    case Benchmark::kHumanEval:
      return {read_human_eval, "code"};
    case Benchmark::kMbpp:
      return {read_mbpp, "code"};
    case Benchmark::kLiveCodeBench:
      return {read_live_code_bench, "code"};
    case Benchmark::kMmlu:
      return {read_mmlu, "multiple_choice"};
    case Benchmark::kGpqa:
      return {read_gpqa, "multiple_choice"};
    case Benchmark::kIfeval:
      return {read_ifeval, "ifeval"};
  }
  HONE_ASSERT(false);
}

}  // namespace

Record read_benchmark(Benchmark benchmark, const Record& record, const std::string& place) {
  Row row(benchmark, record, place);
  reader(benchmark).read(row);
  const auto id = row.find_text({"id", "ID", "task_id", "question_id", "unique_id", "Record ID", "key", "idx", "name"});
  if (id) row.set("id", *id);
  return row.record();
}

std::string_view judge_of(Benchmark benchmark) {
  return reader(benchmark).judge;
}

}  // namespace hone

// hone score: completions in, rewards out.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "completion_rows.h"
#include "hone/core/error.h"
#include "hone/core/parallel.h"
#include "hone/reward/reward.h"

namespace hone::cli {
namespace {

constexpr size_t kRowsAtOnce = 1024;

struct Options {
  std::string reward, params = "{}", input;
  std::vector<std::string> fields;
  size_t jobs = 0;
};

// A line of the input on its way to a line of the output.
struct Row {
  Json json;
  bool many = false;  ///< `completions`, a list
  Prompt prompt;
  std::vector<Completion> completions;
  std::vector<std::vector<RewardResult>> results;
};

class Scorer {
 public:
  Scorer(const RewardConfig& config, FieldMap fields, size_t jobs)
      : fields_(std::move(fields)),
        jobs_(jobs),
        weight_(config.weight),
        rewards_({config}, /*max_completion_length=*/std::nullopt) {}

  void add(Json json, const std::string& place) {
    rows_.push_back(read_row(std::move(json), place));
    if (rows_.size() == kRowsAtOnce) flush();
  }

  void flush() {
    parallel_for(rows_.size(), jobs_,
                 [&](size_t i) { rows_[i].results = rewards_.judge(rows_[i].prompt, rows_[i].completions); });
    for (Row& row : rows_) write_jsonl(answered(row));
    rows_.clear();
  }

  void print_summary() const {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin_;
    std::string line = fmt::format("{}: {} completions", rewards_.names()[0], completions_);
    if (right_ + wrong_ > 0) line += fmt::format(", {} right, {} wrong", right_, wrong_);
    line += fmt::format(", {} unusable", unusable_);
    if (const int64_t usable = completions_ - unusable_; usable > 0) {
      line += fmt::format(", mean reward {:.4f}", sum_ / static_cast<double>(usable));
      if (unusable_ > 0) line += " without those";
    }
    fmt::print(stderr, "{} ({:.1f} s)\n", line, seconds.count());
  }

 private:
  Row read_row(Json json, const std::string& place) const {
    Row row;
    row.prompt.id = place;
    row.prompt.record = Record::parse(json.dump(), place).mapped(fields_, place);
    row.prompt.text = row.prompt.record.text("prompt").value_or("");
    const Json mapped = fields_.empty() ? json : Json::parse(row.prompt.record.dump());
    row.many = mapped.contains("completions");
    row.completions = read_completions(mapped, rewards_, place);
    row.json = std::move(json);
    return row;
  }

  void count(const RewardResult& result) {
    ++completions_;
    right_ += result.verdict == Verdict::kRight;
    wrong_ += result.verdict == Verdict::kWrong;
    unusable_ += result.verdict == Verdict::kUnusable;
    sum_ += weight_ * result.value.value_or(0.0);
  }

  // The row with what was found out; lists where it holds a list of completions.
  Json answered(Row& row) {
    Json values = Json::array(), verdicts = Json::array(), parts = Json::array(), reasons = Json::array();
    bool any_verdict = false;
    for (const auto& results : row.results) {
      const RewardResult& result = results.front();
      count(result);
      any_verdict = any_verdict || result.verdict != Verdict::kNone;
      values.push_back(result.value ? Json(weight_ * *result.value) : Json());
      verdicts.push_back(result.verdict == Verdict::kNone ? Json() : Json(to_string(result.verdict)));
      parts.push_back({{rewards_.names()[0], result.value ? Json(*result.value) : Json()}});
      reasons.push_back(result.reason);
    }
    const auto put = [&](const char* key, Json& list) { row.json[key] = row.many ? std::move(list) : list.front(); };
    put("reward", values);
    if (any_verdict) put("verdict", verdicts);
    put("parts", parts);
    put("reason", reasons);
    return std::move(row.json);
  }

  const FieldMap fields_;
  const size_t jobs_;
  const double weight_;
  const RewardSet rewards_;
  std::vector<Row> rows_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  int64_t completions_ = 0, right_ = 0, wrong_ = 0, unusable_ = 0;
  double sum_ = 0;
};

void score(const Options& options) {
  Scorer scorer(read_reward(options.reward, options.params), read_fields(options.fields), options.jobs);
  read_jsonl(options.input, [&](Json row, const std::string& place) { scorer.add(std::move(row), place); });
  scorer.flush();
  scorer.print_summary();
}

}  // namespace

void add_score(CLI::App& app, int&) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("score", "Judge completions with a reward");
  command->add_option("--reward", options->reward, "A type of reward, as in the section rewards of a config")
      ->required();
  command->add_option("--params", options->params, "Its parameters, a JSON object; hone config keys rewards lists them")
      ->capture_default_str();
  command->add_option("--input", options->input,
                      "JSON Lines with a completion, or a list of completions, each; by default standard input");
  command->add_option("--field", options->fields, "KEY=NAME: what the file calls a field (answer=gold); repeatable")
      ->allow_extra_args(false);
  command->add_option("--jobs", options->jobs, "Rows judged at the same time; by default one a processor");
  command->footer(
      "Adds \"reward\" (null where it cannot be said), \"verdict\" (right, wrong or unusable), \"parts\" and "
      "\"reason\".\n\n"
      "Example:\n"
      "  echo '{\"completion\": \"<answer>3 * 5 + 7</answer>\", \"numbers\": [3, 5, 7], \"target\": 22}' |\n"
      "    hone score --reward countdown");
  command->callback([options] { score(*options); });
}

}  // namespace hone::cli

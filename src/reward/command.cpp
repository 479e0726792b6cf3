// command: a program of the user's judges. One JSON object a line goes in, one comes out (docs/rewards.md).
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <semaphore>

#include "line_process.h"
#include "make_reward.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

// The processes of one reward: as many as asked for, each started when it is first needed, and again when it is lost.
// May be used from several threads.
class Workers {
 public:
  explicit Workers(const CommandReward& config) : config_(config), free_(config.jobs) {}

  LineAnswer ask(const std::string& line) {
    free_.acquire();
    std::unique_ptr<LineProcess> process = take();
    const bool used = process != nullptr;
    if (!used) process = std::make_unique<LineProcess>(config_.argv);
    LineAnswer answer = process->ask(line, timeout());
    // That a process has ended after earlier answers says nothing of this question: a new one decides.
    if (used && answer.ended) {
      process = std::make_unique<LineProcess>(config_.argv);
      answer = process->ask(line, timeout());
    }
    if (answer.line && !process->in_step()) answer = {.line = {}, .reason = "the program answered more than one line"};
    if (!answer.line) process.reset();
    give_back(std::move(process));
    free_.release();
    return answer;
  }

 private:
  std::chrono::duration<double> timeout() const { return std::chrono::duration<double>(config_.timeout); }

  // An idle process, if one is fit for use.
  std::unique_ptr<LineProcess> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<LineProcess> process = std::move(idle_.back());
    idle_.pop_back();
    return process->in_step() ? std::move(process) : nullptr;
  }
  void give_back(std::unique_ptr<LineProcess> process) {
    if (process == nullptr) return;
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(process));
  }

  const CommandReward config_;
  std::counting_semaphore<> free_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<LineProcess>> idle_;
};

std::string question(const Prompt& prompt, const Completion& completion) {
  const Json json = {{"prompt", prompt.text},
                     {"completion", completion.text},
                     {"finish_reason", to_string(completion.finish_reason)},
                     {"tokens", completion.ids.size()},
                     {"record", Json::parse(prompt.record.dump())}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

RewardResult read_answer_line(const std::string& line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto not_an_answer = [&] { return unusable("the program's line is no answer: " + line.substr(0, 200)); };
  if (!json.is_object() || !json.contains("reward")) return not_an_answer();
  const Json reward = json["reward"], verdict = json.value("verdict", Json()), reason = json.value("reason", Json());
  if (!(reward.is_number() || reward.is_null()) || !(reason.is_string() || reason.is_null())) return not_an_answer();
  const std::string why = reason.is_string() ? reason.get<std::string>() : "";
  if (reward.is_null()) return unusable(why.empty() ? "the program could not judge" : why);
  RewardResult result{reward.get<double>(), Verdict::kNone, why};
  if (verdict == "right") result.verdict = Verdict::kRight;
  if (verdict == "wrong") result.verdict = Verdict::kWrong;
  return verdict.is_null() || result.verdict != Verdict::kNone ? result : not_an_answer();
}

bool is_program(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

bool can_be_found(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_program(name);
  const char* const variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (is_program(std::filesystem::path(folder) / name)) return true;
  }
  return false;
}

}  // namespace

std::optional<RewardProblem> find_problem(const CommandReward& config, const Context&) {
  if (config.argv.empty() || config.argv[0].empty()) return RewardProblem{"argv", {.what = "no program is named"}};
  if (can_be_found(config.argv[0])) return std::nullopt;
  return RewardProblem{"argv", {.what = "no such program", .got = "'" + config.argv[0] + "'"}};
}

RewardFunction make_reward(const CommandReward& config, const Context&) {
  const auto workers = std::make_shared<Workers>(config);
  return [workers](const Prompt& prompt, const Completion& completion) -> RewardResult {
    const LineAnswer answer = workers->ask(question(prompt, completion));
    return answer.line ? read_answer_line(*answer.line) : unusable(answer.reason);
  };
}

}  // namespace hone

#include "cli/hone.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "hone/core/hash.h"

namespace hone::test {

namespace fs = std::filesystem;

namespace {

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "hone-process-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  return name;
}

void redirect(const fs::path& path, int flags, int to) {
  const int descriptor = ::open(path.c_str(), flags, 0600);
  if (descriptor < 0 || ::dup2(descriptor, to) < 0) ::_exit(126);
  ::close(descriptor);
}

}  // namespace

Process::Process(const Arguments& arguments, const Environment& environment, const std::string& input)
    : folder_(make_folder()) {
  std::ofstream(folder_ / "in") << input;
  std::vector<std::string> words = {HONE_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  redirect(folder_ / "in", O_RDONLY, STDIN_FILENO);
  redirect(folder_ / "out", O_WRONLY | O_CREAT, STDOUT_FILENO);
  redirect(folder_ / "err", O_WRONLY | O_CREAT, STDERR_FILENO);
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  ::execv(HONE_BINARY, argv.data());
  ::_exit(127);
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  fs::remove_all(folder_);
}

void Process::send(int signal) const {
  ::kill(pid_, signal);
}

std::optional<Result> Process::wait_for(double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return collect(status);
}

Result Process::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  return collect(status);
}

Result Process::collect(int status) {
  pid_ = -1;
  return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), read(folder_ / "out"),
          read(folder_ / "err")};
}

std::string source(const std::string& path) {
  return std::string(HONE_SOURCE_DIR) + "/" + path;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Arguments small_run(const fs::path& output, const Arguments& more) {
  Arguments arguments = {"run", source("configs/miniature/r1_zero.yaml"), "--output", output.string()};
  for (const char* setting : {"stage.steps=6", "stage.grpo.prompts_per_step=8", "stage.grpo.num_generations=4",
                              "stage.grpo.num_minibatches=2", "stage.grpo.num_iterations=2",
                              "stage.grpo.ref_model_sync_steps=3", "stage.sampling.max_completion_length=48",
                              "stage.checkpoint.every=2", "stage.eval.problems=16", "stage.eval.every=3"}) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::map<std::string, std::string> fingerprint(const fs::path& run) {
  std::map<std::string, std::string> out;
  for (const auto& stage : fs::directory_iterator(run / "stages")) {
    const std::string folder = stage.path().filename().string() + "/";
    for (const char* name :
         {"model/model.safetensors", "samples.jsonl", "eval.jsonl", "accepted.jsonl", "counts.json", "results.json"}) {
      if (fs::exists(stage.path() / name)) out[folder + name] = sha256_file(stage.path() / name);
    }
    if (!fs::exists(stage.path() / "metrics.jsonl")) continue;
    std::istringstream lines(read(stage.path() / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      auto json = nlohmann::ordered_json::parse(line);
      for (const char* name : {"step_time", "tokens_per_second", "memory/peak_mb"}) json.erase(name);
      for (auto at = json.begin(); at != json.end();)
        at = at.key().starts_with("time/") ? json.erase(at) : std::next(at);
      out[folder + "metrics.jsonl"] += json.dump() + "\n";
    }
  }
  return out;
}

}  // namespace hone::test

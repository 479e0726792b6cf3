#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/report/html.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxLogBytes = uint64_t{1} << 30;
constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 24;
constexpr size_t kSamples = 3;

std::string text_of(const fs::path& path, uint64_t max_bytes) {
  return fs::exists(path) ? read_file(path, max_bytes) : std::string();
}

/// Numbers of a JSON object in its order; null, the missing value, is NaN.
StepMetrics numbers_of(const Json& json) {
  StepMetrics metrics;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) metrics.emplace_back(name, value.get<double>());
    if (value.is_null()) metrics.emplace_back(name, std::numeric_limits<double>::quiet_NaN());
  }
  return metrics;
}

Json parse_step(std::string_view line, const std::string& place) {
  Json json = Json::parse(line, nullptr, false);
  HONE_CHECK(json.is_object() && json.contains("step") && json["step"].is_number_integer(),
             .what = "not a line of a run's log", .place = place, .expected = "a JSON object with a step");
  return json;
}

std::vector<std::pair<int64_t, StepMetrics>> read_metrics(const fs::path& path) {
  std::vector<std::pair<int64_t, StepMetrics>> out;
  const std::string text = text_of(path, kMaxLogBytes);
  // A last line without its line break is still being written.
  for (size_t at = 0, line = 1, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1, ++line) {
    Json json = parse_step(std::string_view(text).substr(at, end - at), fmt::format("{}:{}", path.string(), line));
    const auto step = json["step"].get<int64_t>();
    json.erase("step");
    out.emplace_back(step, numbers_of(json));
  }
  return out;
}

SampleRecord sample_of(const Json& json) {
  const auto text = [&](const char* key) {
    const auto at = json.find(key);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  SampleRecord sample{.step = json["step"].get<int64_t>(),
                      .prompt = text("prompt"),
                      .completion = text("completion"),
                      .finish_reason = text("finish_reason"),
                      .rewards = {}};
  if (json.contains("reward") && json["reward"].is_number()) {
    sample.rewards.emplace_back("reward", json["reward"].get<double>());
  }
  if (json.contains("rewards") && json["rewards"].is_object()) {
    for (const auto& part : numbers_of(json["rewards"])) sample.rewards.push_back(part);
  }
  return sample;
}

/// Takes samples of one step and different prompts while there are few; false when no more are wanted.
class SamplePicker {
 public:
  explicit SamplePicker(std::vector<SampleRecord>& picked) : picked_(picked) {}
  bool offer(std::string_view line, const std::string& place) {
    const SampleRecord sample = sample_of(parse_step(line, place));
    if (!picked_.empty() && sample.step != picked_.front().step) return false;
    if (prompts_.insert(sample.prompt).second) picked_.push_back(sample);
    return picked_.size() < kSamples;
  }

 private:
  std::vector<SampleRecord>& picked_;
  std::set<std::string> prompts_;
};

void read_samples(const fs::path& path, StageData& stage) {
  if (!fs::exists(path)) return;
  const MappedFile file(path);
  const std::string_view whole = file.bytes().substr(0, file.bytes().rfind('\n') + 1);
  SamplePicker first(stage.first_samples), last(stage.last_samples);
  for (std::string_view rest = whole; !rest.empty();) {
    const size_t end = rest.find('\n');
    if (!first.offer(rest.substr(0, end), path.string())) break;
    rest.remove_prefix(end + 1);
  }
  for (std::string_view rest = whole; !rest.empty();) {
    rest.remove_suffix(1);
    const size_t begin = rest.rfind('\n') + 1;
    if (!last.offer(rest.substr(begin), path.string())) break;
    rest = rest.substr(0, begin);
  }
  std::ranges::reverse(stage.last_samples);
}

}  // namespace

RunData read_run(const fs::path& folder) {
  HONE_CHECK(fs::exists(folder / "config.yaml") && fs::is_directory(folder / "stages"), .what = "no run here",
             .place = folder.string(), .expected = "a run folder with config.yaml and stages/");
  RunData run;
  const fs::path path = fs::weakly_canonical(folder);
  run.name = path.filename().string();
  run.config = read_file(folder / "config.yaml", kMaxConfigBytes);
  std::vector<fs::path> stages;
  for (const auto& entry : fs::directory_iterator(folder / "stages")) {
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) stages.push_back(entry.path());
  }
  std::ranges::sort(stages);
  for (const fs::path& at : stages) {
    StageData stage;
    stage.name = at.filename().string();
    stage.metrics = read_metrics(at / "metrics.jsonl");
    stage.evals = parse_evals(text_of(at / "eval.jsonl", kMaxLogBytes), (at / "eval.jsonl").string());
    read_samples(at / "samples.jsonl", stage);
    run.stages.push_back(std::move(stage));
  }
  return run;
}

}  // namespace hone

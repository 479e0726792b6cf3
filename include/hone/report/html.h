// A run folder as one HTML file: curves, before and after, samples, config. Several runs are overlaid. The page needs
// no network and runs no foreign code: every text from a model or a file is escaped. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "hone/report/evals.h"
#include "hone/report/metrics.h"

namespace hone {

/// A line of samples.jsonl, as far as the report shows it.
struct SampleRecord {
  int64_t step = 0;
  std::string prompt, completion, finish_reason;
  StepMetrics rewards;  ///< "reward" and its parts
};

struct StageData {
  std::string name;                                      ///< "00_grpo"
  std::vector<std::pair<int64_t, StepMetrics>> metrics;  ///< by step
  std::vector<EvalRecord> evals;
  std::vector<SampleRecord> first_samples, last_samples;  ///< a few, of different prompts
};

struct RunData {
  std::string name;    ///< shown in legends; unique in one report
  std::string config;  ///< config.yaml as it is
  std::vector<StageData> stages;
};

/// Reads a finished or running run. Throws Error kInput when the folder is none, or a file in it is damaged.
RunData read_run(const std::filesystem::path& folder);

/// The page. Runs of one name get numbers.
std::string html_report(std::vector<RunData> runs);

}  // namespace hone

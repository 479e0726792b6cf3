// The section `data`: which problems or documents are read. Plain structs; see core/config.h.
#pragma once

#include <array>
#include <optional>

#include "hone/core/config.h"

namespace hone {

enum class Split { kTrain, kTest };
inline constexpr std::string_view kSplitNames[] = {"train", "test"};
inline std::span<const std::string_view> enum_names(Split) {
  return kSplitNames;
}

/// The built-in world of bilingual chain arithmetic, as a data set of problems and as a corpus.
inline constexpr std::string_view kBuiltinChains = "builtin:chains";

/// Benchmarks whose files are read as their authors publish them (hone/data/benchmarks.h).
enum class Benchmark {
  kGsm8k,
  kMath,
  kAime,
  kAmc,
  kOlympiadBench,
  kMinerva,
  kHumanEval,
  kMbpp,
  kLiveCodeBench,
  kMmlu,
  kGpqa,
  kIfeval,
};
inline constexpr std::string_view kBenchmarkNames[] = {"gsm8k",         "math",    "aime",      "amc",
                                                       "olympiadbench", "minerva", "humaneval", "mbpp",
                                                       "livecodebench", "mmlu",    "gpqa",      "ifeval"};
inline std::span<const std::string_view> enum_names(Benchmark) {
  return kBenchmarkNames;
}

/// A field of a record as the program knows it.
struct RecordField {
  std::string_view name, help;
};
inline constexpr RecordField kRecordFields[] = {
    {"prompt", "The question."},
    {"messages", "A chat, a list of {role, content}."},
    {"completion", "What is to be learnt, for supervised fine-tuning."},
    {"chosen", "The better completion, for a reward model."},
    {"rejected", "The worse one."},
    {"label", "1 for a good completion and 0 for a bad one, for a reward model."},
    {"answer", "The right answer, for the rewards that compare."},
    {"language", "Language of the question, or of a program."},
    {"target_language", "Language that the reasoning should use."},
    {"test", "Program that defines check(candidate)."},
    {"entry_point", "Name of the function that `test` checks."},
    {"test_list", "Asserts, a list."},
    {"test_setup_code", "Program that comes before test_list."},
    {"test_cases", "A list of {input, output}."},
    {"numbers", "Numbers of a countdown."},
    {"target", "Target of a countdown."},
    {"instruction_id_list", "Instructions that ifeval verifies."},
    {"kwargs", "Their parameters."},
    {"id", "Name of the record in every file that is written."},
    {"source", "Where the record comes from."},
};

/// Where each of kRecordFields comes from.
struct FieldsConfig {
  std::array<std::optional<std::string>, std::size(kRecordFields)> from{};
  bool operator==(const FieldsConfig&) const = default;
};
void describe(ConfigVisitor& v, FieldsConfig& c);

/// Problems with an answer.
struct DataConfig {
  std::string path;
  std::optional<std::string> source;
  std::optional<Benchmark> format;
  FieldsConfig fields;
  bool shuffle = true;
  Split split = Split::kTrain;
  int64_t min_operations = 2;
  int64_t max_operations = 5;
  bool operator==(const DataConfig&) const = default;
};
void describe(ConfigVisitor& v, DataConfig& c);
/// The key `format`, wherever there is a file of problems.
void describe_format(ConfigVisitor& v, std::optional<Benchmark>& format);

/// One of several sources of prompts.
struct SourceConfig {
  std::string name;
  DataConfig data;
  double weight = 1.0;
  std::optional<int64_t> from_step, until_step;
  // In place of those of `sampling`.
  std::optional<double> temperature, top_p;
  std::optional<int64_t> top_k;
  std::optional<double> min_p;
  bool operator==(const SourceConfig&) const = default;
};
void describe(ConfigVisitor& v, SourceConfig& c);

/// Which records of a file are worth asking, by how many of their completions were right.
struct CurriculumConfig {
  std::optional<double> min_pass_rate, max_pass_rate;
  double momentum = 0.5;
  int64_t revisit_rounds = 3;
  bool on() const { return min_pass_rate || max_pass_rate; }
  bool operator==(const CurriculumConfig&) const = default;
};
void describe(ConfigVisitor& v, CurriculumConfig& c);

struct CorpusConfig {
  std::string path;
  bool operator==(const CorpusConfig&) const = default;
};

void describe(ConfigVisitor& v, CorpusConfig& c);

}  // namespace hone

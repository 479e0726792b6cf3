#include "hone/data/prompt_source.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "hone/core/error.h"
#include "hone/core/random.h"
#include "hone/data/benchmarks.h"
#include "hone/data/chat.h"
#include "hone/data/lines.h"

namespace hone {
namespace {

std::vector<std::pair<std::string, std::string>> field_map(const FieldsConfig& fields) {
  std::vector<std::pair<std::string, std::string>> map;
  for (size_t i = 0; i < fields.from.size(); ++i) {
    if (fields.from[i]) map.emplace_back(kRecordFields[i].name, *fields.from[i]);
  }
  return map;
}

// What is asked: `prompt`, else the last of `messages`.
std::string question(const Record& record, const std::string& place) {
  if (auto prompt = record.text("prompt")) return *std::move(prompt);
  if (auto last = record.last_message()) return *std::move(last);
  throw_input({.what = "the record has neither a text 'prompt' nor 'messages'",
               .place = place,
               .got = record.names(),
               .hint = "data.fields says which of its fields is the prompt"});
}

// Calls each(record, place) for all records of a file or of a built-in set.
template <class Each>
void for_each_record(const DataConfig& config, Each each) {
  if (!is_builtin_chat(config.path)) {
    return for_each_line(
        config.path, [&](std::string_view line, const std::string& place) { each(Record::parse(line, place), place); });
  }
  for (int64_t i = 0; i < chat_record_count(config.split); ++i) {
    const Record record = chat_record(config.path, config.split, i);
    each(record, record.text("id").value_or(""));
  }
}

std::variant<ChainPrompts, RecordFile> open_source(const DataConfig& config, uint64_t seed) {
  if (config.path.starts_with("builtin:") && !is_builtin_chat(config.path)) return ChainPrompts(config, seed);
  return RecordFile(config, seed);
}

}  // namespace

int64_t RecordOrder::at(int64_t index) const {
  const int64_t round = index / n_;
  const auto place = static_cast<size_t>(index % n_);
  if (!shuffle_) return static_cast<int64_t>(place);
  if (round != round_) {
    order_.resize(static_cast<size_t>(n_));
    std::iota(order_.begin(), order_.end(), 0);
    RandomStream random(seed_, RandomPurpose::kShuffle, {static_cast<uint64_t>(round)});
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.next_below(i)]);  // Fisher-Yates
    round_ = round;
  }
  return order_[place];
}

RecordFile::RecordFile(const DataConfig& config, uint64_t seed) : order_(config.shuffle, seed, 0) {
  const auto fields = field_map(config.fields);
  for_each_record(config, [&](const Record& record, const std::string& place) {
    Prompt prompt;
    prompt.record = config.format ? read_benchmark(*config.format, record, place) : record;
    prompt.record = prompt.record.mapped(fields, place);
    prompt.index = size();
    prompt.id = prompt.record.text("id").value_or(place);
    prompt.text = question(prompt.record, place);
    prompts_.push_back(std::move(prompt));
    places_.push_back(place);
  });
  HONE_CHECK(!prompts_.empty(), .what = "the file holds no records", .place = config.path);
  order_ = RecordOrder(config.shuffle, seed, size());
}

Prompt RecordFile::prompt(int64_t index) const {
  Prompt prompt = prompts_[static_cast<size_t>(order_.at(index))];
  prompt.index = index;
  return prompt;
}

PromptSource::PromptSource(const DataConfig& config, uint64_t seed) : source_(open_source(config, seed)) {}

Prompt PromptSource::prompt(int64_t index) const {
  return std::visit([index](const auto& source) { return source.prompt(index); }, source_);
}

std::vector<Prompt> PromptSource::first(std::optional<int64_t> count) const {
  constexpr int64_t kBuiltinProblems = 256;
  const int64_t n =
      file() == nullptr ? count.value_or(kBuiltinProblems) : std::min(file()->size(), count.value_or(file()->size()));
  std::vector<Prompt> prompts;
  for (int64_t i = 0; i < n; ++i) prompts.push_back(prompt(i));
  return prompts;
}

PromptMixture::PromptMixture(const DataConfig& data, const std::vector<SourceConfig>& more,
                             const CurriculumConfig& curriculum, uint64_t seed) {
  SourceConfig own;
  own.name = Prompt().source;
  own.data = data;
  add(own, curriculum, seed);
  for (const SourceConfig& config : more) add(config, curriculum, seed);
}

void PromptMixture::add(const SourceConfig& config, const CurriculumConfig& curriculum, uint64_t seed) {
  parts_.push_back({config, PromptSource(config.data, seed)});
  const RecordFile* const file = parts_.back().source.file();
  if (file != nullptr && curriculum.on()) parts_.back().curriculum.emplace(curriculum, file->size());
}

// The next record that is worth asking; where a whole round has none, the next one.
Prompt PromptMixture::next(Part& part) {
  const RecordFile* const file = part.source.file();
  for (int64_t i = 0; part.curriculum && i < file->size() && !part.curriculum->admits(file->row(part.drawn)); ++i) {
    ++part.drawn;
    ++passed_over_;
  }
  return part.source.prompt(part.drawn++);
}

std::vector<Prompt> PromptMixture::draw(int64_t step, int64_t count) {
  std::vector<Part*> active;
  double total = 0;
  for (Part& part : parts_) {
    if (step < part.config.from_step.value_or(step) || step > part.config.until_step.value_or(step)) continue;
    active.push_back(&part);
    total += part.config.weight;
  }
  int64_t drawn = 0;  // of all parts, with those passed over
  for (const Part& part : parts_) drawn += part.drawn;
  std::vector<Prompt> prompts;
  double share = 0;
  for (Part* part : active) {
    share += part->config.weight / total;
    const int64_t end = part == active.back() ? count : std::llround(share * static_cast<double>(count));
    while (static_cast<int64_t>(prompts.size()) < end) {
      const int64_t before = part->drawn;
      prompts.push_back(next(*part));
      drawn += part->drawn - before;
      prompts.back().index = drawn - 1;
      if (part->curriculum) {
        asked_[drawn - 1] = {static_cast<size_t>(part - parts_.data()), part->source.file()->row(part->drawn - 1)};
      }
      prompts.back().source = part->config.name;
    }
  }
  return prompts;
}

void PromptMixture::learn(const Prompt& prompt, std::optional<double> pass_rate) {
  const auto asked = asked_.extract(prompt.index);
  if (!asked.empty() && pass_rate) parts_[asked.mapped().part].curriculum->learn(asked.mapped().row, *pass_rate);
}

CurriculumStats PromptMixture::curriculum() const {
  CurriculumStats all;
  for (const Part& part : parts_) {
    if (!part.curriculum) continue;
    const CurriculumStats own = part.curriculum->stats();
    all.known += own.known;
    all.in_band += own.in_band;
    all.pass_rate += own.pass_rate * static_cast<double>(own.known);
  }
  if (all.known > 0) all.pass_rate /= static_cast<double>(all.known);
  return all;
}

std::vector<int64_t> PromptMixture::drawn() const {
  std::vector<int64_t> drawn;
  for (const Part& part : parts_) drawn.push_back(part.drawn);
  return drawn;
}

std::vector<std::string> PromptMixture::curricula() const {
  std::vector<std::string> texts;
  for (const Part& part : parts_) texts.push_back(part.curriculum ? part.curriculum->to_text() : "");
  return texts;
}

void PromptMixture::continue_from(const std::vector<int64_t>& drawn, const std::vector<std::string>& curricula) {
  HONE_CHECK(drawn.size() == parts_.size(), .what = "the checkpoint is of a stage with other sources",
             .got = std::to_string(drawn.size()), .expected = std::to_string(parts_.size()));
  for (size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].drawn = drawn[i];
    if (parts_[i].curriculum) parts_[i].curriculum->from_text(curricula.at(i));
  }
}

}  // namespace hone

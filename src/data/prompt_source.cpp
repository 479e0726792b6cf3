#include "hone/data/prompt_source.h"

#include <numeric>

#include "hone/core/error.h"
#include "hone/core/random.h"
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

std::variant<ChainPrompts, RecordFile> open_source(const DataConfig& config, uint64_t seed) {
  if (config.path.starts_with("builtin:")) return ChainPrompts(config, seed);
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
  for_each_line(config.path, [&](std::string_view line, const std::string& place) {
    Prompt prompt;
    prompt.record = Record::parse(line, place).mapped(fields, place);
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

}  // namespace hone

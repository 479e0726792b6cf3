#include "hone/data/curriculum.h"

#include <fmt/format.h>

#include <sstream>

#include "hone/core/error.h"

namespace hone {

Curriculum::Curriculum(const CurriculumConfig& config, int64_t records)
    : config_(config), entries_(static_cast<size_t>(records)) {}

bool Curriculum::in_band(double rate) const {
  return rate >= config_.min_pass_rate.value_or(0) && rate <= config_.max_pass_rate.value_or(1);
}

bool Curriculum::admits(int64_t row) {
  Entry& entry = entries_.at(static_cast<size_t>(row));
  const bool asked = entry.rate < 0 || in_band(entry.rate) || entry.passed_over >= config_.revisit_rounds;
  entry.passed_over = asked ? 0 : entry.passed_over + 1;
  return asked;
}

void Curriculum::learn(int64_t row, double pass_rate) {
  Entry& entry = entries_.at(static_cast<size_t>(row));
  entry.rate = entry.rate < 0 ? pass_rate : config_.momentum * entry.rate + (1 - config_.momentum) * pass_rate;
}

CurriculumStats Curriculum::stats() const {
  CurriculumStats stats;
  for (const Entry& entry : entries_) {
    if (entry.rate < 0) continue;
    ++stats.known;
    stats.in_band += in_band(entry.rate);
    stats.pass_rate += entry.rate;
  }
  if (stats.known > 0) stats.pass_rate /= static_cast<double>(stats.known);
  return stats;
}

// The shortest text of a double that reads back to it.
std::string Curriculum::to_text() const {
  std::string text;
  for (const Entry& entry : entries_) text += fmt::format("{} {}\n", entry.rate, entry.passed_over);
  return text;
}

void Curriculum::from_text(const std::string& text) {
  std::istringstream in(text);
  std::vector<Entry> entries;
  for (Entry entry; in >> entry.rate >> entry.passed_over;) entries.push_back(entry);
  HONE_CHECK(entries.size() == entries_.size(), .what = "the checkpoint has pass rates of other records",
             .got = std::to_string(entries.size()), .expected = std::to_string(entries_.size()));
  entries_ = std::move(entries);
}

}  // namespace hone

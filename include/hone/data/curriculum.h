// Which records of a file a policy can learn from now: those that it solves sometimes. Of each record the running share
// of right completions is known; outside of a band it is passed over. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hone/data/config.h"

namespace hone {

struct CurriculumStats {
  int64_t known = 0;     ///< records with a pass rate
  int64_t in_band = 0;   ///< of those
  double pass_rate = 0;  ///< their mean
};

class Curriculum {
 public:
  Curriculum(const CurriculumConfig& config, int64_t records);

  /// Whether the record is asked, its turn having come: when it is unknown, in the band, or was passed over
  /// `revisit_rounds` times since it was last asked.
  bool admits(int64_t row);
  /// What a group of its completions came to: rate = momentum * rate + (1 - momentum) * pass_rate, or pass_rate alone
  /// the first time.
  void learn(int64_t row, double pass_rate);

  CurriculumStats stats() const;
  /// All that a checkpoint needs; from_text() throws Error kInput for that of another number of records.
  std::string to_text() const;
  void from_text(const std::string& text);

 private:
  struct Entry {
    double rate = -1;  // unknown
    int64_t passed_over = 0;
  };
  bool in_band(double rate) const;

  CurriculumConfig config_;
  std::vector<Entry> entries_;
};

}  // namespace hone

// Guards: a run that has gone wrong is stopped (exit code 3) instead of burning the night. A guard counts how often in
// a row its symptom was seen. Plain values; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hone/pipeline/config.h"

namespace hone {

class Guard {
 public:
  /// `limit` is the value of the key guards.NAME; nothing: never stops.
  Guard(std::string name, std::optional<int64_t> limit, std::string symptom, std::string hint);

  /// Throws Error kGuard when the symptom was seen `limit` times in a row.
  void count(bool symptom);

  /// State that belongs in a checkpoint.
  int64_t in_a_row() const { return in_a_row_; }
  void continue_from(int64_t in_a_row) { in_a_row_ = in_a_row; }

 private:
  std::string name_;
  std::optional<int64_t> limit_;
  std::string symptom_, hint_;
  int64_t in_a_row_ = 0;
};

Guard nonfinite_guard(const GuardConfig& config);
Guard no_signal_guard(const GuardConfig& config);
Guard no_stop_guard(const GuardConfig& config);

}  // namespace hone

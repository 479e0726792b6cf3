#include "pipeline/guard.h"

#include "hone/core/error.h"

namespace hone {

Guard::Guard(std::string name, std::optional<int64_t> limit, std::string symptom, std::string hint)
    : name_(std::move(name)), limit_(limit), symptom_(std::move(symptom)), hint_(std::move(hint)) {}

void Guard::count(bool symptom) {
  in_a_row_ = symptom ? in_a_row_ + 1 : 0;
  if (!limit_ || in_a_row_ < *limit_) return;
  throw Error(ErrorKind::kGuard, {.what = fmt::format("{} times in a row {}", in_a_row_, symptom_),
                                  .place = "guard " + name_,
                                  .hint = fmt::format("{}; the last checkpoint is intact", hint_)});
}

Guard nonfinite_guard(const GuardConfig& config) {
  return {"max_nonfinite_updates", config.max_nonfinite_updates, "an update had a gradient that was not finite",
          "lower optimizer.lr"};
}

Guard no_signal_guard(const GuardConfig& config) {
  return {"max_no_signal_steps", config.max_no_signal_steps,
          "a step gave the same reward to all completions of every prompt",
          "the task is too hard or too easy for this model, or a reward never fires"};
}

Guard no_stop_guard(const GuardConfig& config) {
  return {"max_no_stop_steps", config.max_no_stop_steps, "every completion of a step was cut off",
          "raise sampling.max_completion_length, or check the model's end token"};
}

}  // namespace hone

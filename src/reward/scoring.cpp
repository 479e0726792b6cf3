#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "hone/reward/reward.h"

namespace hone {

struct Scoring::Queue {
  struct Job {
    const Prompt* prompt;
    const Completion* completion;
    RewardSet::Row row;
  };

  explicit Queue(const RewardSet& rewards) {
    while (threads.size() < rewards.jobs_) threads.emplace_back([this, &rewards] { work(rewards); });
  }
  ~Queue() {
    {
      const std::lock_guard lock(mutex);
      begun = jobs.size();
    }
    close();
  }

  /// Lets the threads do what is left, and waits.
  void close() {
    {
      const std::lock_guard lock(mutex);
      closed = true;
    }
    changed.notify_all();
    threads.clear();  // joins
  }

  void work(const RewardSet& rewards) {
    while (true) {
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return closed || begun < jobs.size(); });
        if (begun == jobs.size()) return;
        job = &jobs[begun++];
      }
      try {
        rewards.judge_alone(*job->prompt, *job->completion, /*waits=*/true, job->row);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        begun = jobs.size();
      }
    }
  }

  std::mutex mutex;  ///< guards what follows; a job that has begun belongs to its thread until close()
  std::condition_variable changed;
  std::deque<Job> jobs;  ///< elements stay where they are
  size_t begun = 0;
  bool closed = false;
  std::exception_ptr failure;
  std::vector<std::jthread> threads;
};

Scoring::Scoring(const RewardSet& rewards) : rewards_(rewards), queue_(std::make_unique<Queue>(rewards)) {}

Scoring::~Scoring() = default;

void Scoring::add(const Prompt& prompt, const Completion& completion) {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->jobs.push_back({&prompt, &completion, {}});
  }
  queue_->changed.notify_one();
}

std::vector<std::vector<std::vector<RewardResult>>> Scoring::finish(std::vector<RolloutGroup>& groups) {
  queue_->close();
  if (queue_->failure) std::rethrow_exception(queue_->failure);
  std::unordered_map<const Completion*, RewardSet::Row*> found;
  for (Queue::Job& job : queue_->jobs) found.emplace(job.completion, &job.row);
  std::vector<std::vector<std::vector<RewardResult>>> results;
  for (RolloutGroup& group : groups) {
    std::vector<RewardSet::Row> rows;
    for (const Completion& completion : group.completions) {
      rows.push_back(std::move(*found.at(&completion)));
      rewards_.judge_alone(group.prompt, completion, /*waits=*/false, rows.back());
    }
    rewards_.judge_together(group.prompt, group.completions, rows);
    for (size_t c = 0; c < rows.size(); ++c) {
      Completion& completion = group.completions[c];
      completion.reward_parts.clear();
      completion.reward = 0;
      for (size_t r = 0; r < rewards_.names_.size(); ++r) {
        completion.reward_parts.push_back(rows[c][r].value);
        completion.reward += rewards_.weights_[r] * rows[c][r].value.value_or(0.0);
      }
      rows[c].resize(rewards_.names_.size());
    }
    results.push_back(std::move(rows));
  }
  return results;
}

}  // namespace hone

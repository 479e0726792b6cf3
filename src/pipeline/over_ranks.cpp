#include "pipeline/over_ranks.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "hone/core/error.h"
#include "hone/dist/share.h"

namespace hone {
namespace {

// Values one after the other, as they lie in memory: all ranks run the same program.
class Packer {
 public:
  template <class T>
  void operator()(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  void operator()(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    (*this)(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    bytes_ += text;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  void operator()(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::string_view part = take(sizeof value);
    std::memcpy(&value, part.data(), part.size());
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    values.resize(size());
    const std::string_view part = take(values.size() * sizeof(T));
    if (!part.empty()) std::memcpy(values.data(), part.data(), part.size());
  }
  void operator()(std::string& text) { text = take(size()); }
  bool at_end() const { return bytes_.empty(); }

 private:
  size_t size() {
    size_t n = 0;
    (*this)(n);
    return n;
  }
  std::string_view take(size_t n) {
    HONE_ASSERT(n <= bytes_.size());
    const std::string_view part = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return part;
  }

  std::string_view bytes_;
};

// Names every field, so that a new one does not compile until it is sent too.
template <class Archive, class C>
void transfer(Archive& archive, C& completion) {
  auto& [ids, log_probs, kept, finish_reason, text, reward_parts, reward, advantage] = completion;
  archive(ids), archive(log_probs), archive(kept.ids), archive(kept.offsets), archive(finish_reason);
  archive(text), archive(reward_parts), archive(reward), archive(advantage);
}

template <class T>
std::string bytes_of(const T& value) {
  Packer packer;
  packer(value);
  return packer.bytes();
}

}  // namespace

std::vector<RolloutGroup> over_ranks(dist::ProcessGroup& ranks, std::vector<Prompt> prompts, const MakeGroups& make) {
  if (ranks.size() == 1) return make(std::move(prompts));
  const auto [begin, end] = dist::share_of(static_cast<int64_t>(prompts.size()), ranks.rank(), ranks.size());
  Packer packer;
  for (const RolloutGroup& group : make({prompts.begin() + begin, prompts.begin() + end})) {
    packer(group.completions.size());
    for (const Completion& completion : group.completions) transfer(packer, completion);
  }
  std::vector<RolloutGroup> groups;
  for (const std::string& part : ranks.all_gather(packer.bytes())) {
    for (Unpacker unpacker(part); !unpacker.at_end();) {
      HONE_ASSERT(groups.size() < prompts.size());
      size_t completions = 0;
      unpacker(completions);
      groups.push_back({std::move(prompts[groups.size()]), std::vector<Completion>(completions), 0});
      for (Completion& completion : groups.back().completions) transfer(unpacker, completion);
    }
  }
  HONE_ASSERT(groups.size() == prompts.size());
  return groups;
}

algo::SequenceRange share_of(const dist::ProcessGroup& ranks, const algo::TrainBatch& batch) {
  const auto [begin, end] = dist::share_of(batch.offsets, ranks.rank(), ranks.size());
  return {begin, end};
}

at::Tensor gather_rows(dist::ProcessGroup& ranks, const at::Tensor& rows) {
  if (ranks.size() == 1) return rows;
  const at::Tensor mine = rows.contiguous();
  const auto* begin = reinterpret_cast<const char*>(mine.const_data_ptr<float>());
  std::string all;
  for (const std::string& part : ranks.all_gather({begin, mine.nbytes()})) all += part;
  at::Tensor out = at::empty({static_cast<int64_t>(all.size() / sizeof(float))}, at::kFloat);
  std::memcpy(out.mutable_data_ptr(), all.data(), all.size());
  return out;
}

void add_up(dist::ProcessGroup& ranks, StepTotals& totals) {
  if (ranks.size() == 1) return;
  struct Measured {
    algo::LossStats loss;
    int64_t preemptions;
    double log_prob_difference;
  };
  const Measured mine = {totals.loss, totals.preemptions, totals.log_prob_difference};
  totals.loss = {};
  totals.preemptions = 0;
  for (const std::string& part : ranks.all_gather(bytes_of(mine))) {
    Measured other{};
    Unpacker{part}(other);
    totals.loss += other.loss;
    totals.preemptions += other.preemptions;
    totals.log_prob_difference = std::max(totals.log_prob_difference, other.log_prob_difference);
  }
}

}  // namespace hone

#include "hone/rollout/engine.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <span>
#include <utility>

#include "hone/core/error.h"
#include "hone/core/random.h"
#include "hone/kernels/parallel.h"
#include "hone/rollout/block_allocator.h"
#include "hone/rollout/sampler.h"

namespace hone {
namespace {

using kernels::kBlockTokens;

int64_t half_of_memory() {
  return sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
}

int64_t blocks_for(int64_t tokens) {
  return (tokens + kBlockTokens - 1) / kBlockTokens;
}

/// A prompt that its group shares: computed once, kept until every sample of the group has started.
struct SharedPrompt {
  std::vector<int32_t> blocks;
  std::vector<float> logits;  // [V] after the last prompt token
  int64_t to_start = 0;       // samples that still wait
  bool needed = false;        // a sample starts from it in this round
};

struct Sequence {
  size_t group, sample;
  std::vector<int32_t> blocks{};
  int64_t cached = 0;  // tokens whose keys and values are in the cache
};

}  // namespace

// One call of generate(): the sequences that wait and those in flight.
class RolloutEngine::Batch {
 public:
  Batch(RolloutEngine& engine, std::vector<RolloutGroup>& groups, const SamplingConfig& config, int64_t blocks,
        const RolloutKey& key, const OnFinished& on_finished, const OnToken& on_token)
      : engine_(engine),
        groups_(groups),
        config_(config),
        key_(key),
        on_finished_(on_finished),
        on_token_(on_token),
        prompts_(groups.size()),
        allocator_(blocks) {
    for (size_t g = 0; g < groups.size(); ++g) {
      prompts_[g].to_start = static_cast<int64_t>(groups[g].completions.size());
      for (size_t s = 0; s < groups[g].completions.size(); ++s) waiting_.push_back({g, s});
    }
  }

  void run() {
    while (!waiting_.empty() || !running_.empty()) {
      admit();
      forward();
    }
  }

 private:
  Completion& completion(const Sequence& s) { return groups_[s.group].completions[s.sample]; }
  const std::vector<int32_t>& prompt(size_t group) const { return groups_[group].prompt.ids; }
  int64_t length(const Sequence& s) { return static_cast<int64_t>(prompt(s.group).size() + completion(s).ids.size()); }

  // Starts waiting sequences while there are slots and blocks: the prompt's blocks, and one to grow for each sequence
  // in flight.
  void admit() {
    while (!waiting_.empty() && static_cast<int64_t>(running_.size() + starting_.size()) < config_.max_num_seqs) {
      const Sequence& next = waiting_.front();
      const bool resumed = !groups_[next.group].completions[next.sample].ids.empty();
      SharedPrompt& shared = prompts_[next.group];
      const bool compute = resumed || shared.blocks.empty();
      const int64_t wanted = compute ? blocks_for(length(next)) : 0;
      if (running_.empty() && starting_.empty()) {
        while (allocator_.available() < wanted + 2 && evict_prompt(next.group)) {
        }
      } else if (allocator_.available() < wanted + static_cast<int64_t>(running_.size() + 2 * starting_.size()) + 2) {
        return;
      }
      Sequence sequence = std::move(waiting_.front());
      waiting_.pop_front();
      if (resumed) {
        grow(sequence.blocks, length(sequence));
        running_.push_back(std::make_unique<Sequence>(std::move(sequence)));
        continue;
      }
      if (compute) {
        grow(shared.blocks, static_cast<int64_t>(prompt(sequence.group).size()));
        new_prompts_.push_back(sequence.group);
      }
      shared.needed = true;
      starting_.push_back(std::make_unique<Sequence>(std::move(sequence)));
    }
  }

  // Frees the blocks of a prompt that nobody starts from now; it is computed again when its next sample starts.
  bool evict_prompt(size_t keep) {
    for (size_t g = 0; g < prompts_.size(); ++g) {
      if (prompts_[g].blocks.empty() || prompts_[g].needed || g == keep) continue;
      release(prompts_[g].blocks);
      return true;
    }
    return false;
  }

  void grow(std::vector<int32_t>& blocks, int64_t tokens) {
    while (static_cast<int64_t>(blocks.size()) < blocks_for(tokens)) blocks.push_back(allocator_.allocate());
  }

  // Gives every running sequence the block that its next token needs. When there is none, prompts that nobody starts
  // from make way, then the latest arrivals.
  void make_room() {
    for (size_t i = 0; i < running_.size(); ++i) {
      while (static_cast<int64_t>(running_[i]->blocks.size()) < blocks_for(length(*running_[i])) &&
             allocator_.available() == 0) {
        if (evict_prompt(prompts_.size())) continue;
        HONE_ASSERT(running_.size() > 1, "the KV cache holds fewer tokens than one sequence");
        preempt();
        if (i >= running_.size()) return;
      }
      grow(running_[i]->blocks, length(*running_[i]));
    }
  }

  void preempt() {
    Sequence last = std::move(*running_.back());
    running_.pop_back();
    release(last.blocks);
    waiting_.push_front({last.group, last.sample});
    ++engine_.stats_.preemptions;
  }

  void release(std::vector<int32_t>& blocks) {
    for (const int32_t block : blocks) allocator_.release(block);
    blocks.clear();
  }

  // One forward pass over everything new: shared prompts, and the tokens of running sequences that are not cached yet.
  void forward() {
    make_room();
    std::vector<int32_t> ids;
    std::vector<kernels::Segment> segments;
    const auto add = [&](const std::vector<int32_t>& blocks, int64_t start, int64_t count) {
      segments.push_back({static_cast<int64_t>(ids.size()) - count, count, start, blocks.data()});
    };
    for (const size_t group : new_prompts_) {
      ids.insert(ids.end(), prompt(group).begin(), prompt(group).end());
      add(prompts_[group].blocks, 0, static_cast<int64_t>(prompt(group).size()));
    }
    for (const auto& sequence : running_) {
      const auto& prefix = prompt(sequence->group);
      const auto& generated = completion(*sequence).ids;
      const int64_t total = length(*sequence), start = sequence->cached;
      for (int64_t t = start; t < total; ++t) {
        const auto at = static_cast<size_t>(t);
        ids.push_back(at < prefix.size() ? prefix[at] : generated[at - prefix.size()]);
      }
      add(sequence->blocks, start, total - start);
      sequence->cached = total;
    }
    const at::Tensor logits = run_model(ids, segments);
    ++engine_.stats_.forwards;
    for (size_t r = 0; r < new_prompts_.size(); ++r) {
      const float* row = logits.const_data_ptr<float>() + static_cast<int64_t>(r) * logits.size(1);
      prompts_[new_prompts_[r]].logits.assign(row, row + logits.size(1));
    }
    start_sequences();
    sample(logits, static_cast<int64_t>(new_prompts_.size()));
    new_prompts_.clear();
  }

  at::Tensor run_model(const std::vector<int32_t>& ids, const std::vector<kernels::Segment>& segments) {
    at::Tensor id_tensor = at::empty({static_cast<int64_t>(ids.size())}, at::kInt);
    std::copy(ids.begin(), ids.end(), id_tensor.data_ptr<int32_t>());
    at::Tensor rows = at::empty({static_cast<int64_t>(segments.size())}, at::kLong);
    for (size_t i = 0; i < segments.size(); ++i) {
      rows.data_ptr<int64_t>()[i] = segments[i].first_row + segments[i].length - 1;
    }
    return engine_.model_.logits(id_tensor, segments, engine_.cache_, rows);
  }

  // Sequences whose prompt is computed join the running ones: full prompt blocks are shared, the last, partial one is
  // copied.
  void start_sequences() {
    first_of_started_ = running_.size();
    for (auto& sequence : starting_) {
      SharedPrompt& shared = prompts_[sequence->group];
      const auto tokens = static_cast<int64_t>(prompt(sequence->group).size());
      shared.needed = false;
      sequence->cached = tokens;
      sequence->blocks = shared.blocks;
      if (--shared.to_start > 0) {
        for (const int32_t block : sequence->blocks) allocator_.share(block);
        if (tokens % kBlockTokens != 0) {
          const int32_t own = allocator_.allocate();
          copy_block(sequence->blocks.back(), own);
          allocator_.release(std::exchange(sequence->blocks.back(), own));
        }
      } else {
        shared.blocks.clear();  // the last sample takes the blocks over
      }
      running_.push_back(std::move(sequence));
    }
    starting_.clear();
  }

  void copy_block(int32_t from, int32_t to) {
    for (const kernels::KvLayer& layer : engine_.cache_) {
      for (const at::Tensor* t : {&layer.keys, &layer.values}) {
        const int64_t size = t->stride(0);
        std::copy_n(t->data_ptr<float>() + from * size, size, t->data_ptr<float>() + to * size);
      }
    }
  }

  // Draws the next token of every running sequence: from its row of logits (rows start at first_row), or from its
  // prompt's.
  void sample(const at::Tensor& logits, int64_t first_row) {
    const int64_t vocab = logits.size(1);
    constexpr int64_t kWorkPerToken = 24;  // an exponential and a few additions for each token of the vocabulary
    kernels::parallel(static_cast<int64_t>(running_.size()), kWorkPerToken * vocab, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Sequence& s = *running_[static_cast<size_t>(i)];
        const bool started = static_cast<size_t>(i) >= first_of_started_;
        const float* row =
            started ? prompts_[s.group].logits.data() : logits.const_data_ptr<float>() + (first_row + i) * vocab;
        draw(s, row, vocab);
      }
    });
    std::vector<std::unique_ptr<Sequence>> going_on;
    for (auto& sequence : running_) {
      ++engine_.stats_.tokens;
      if (on_token_) on_token_(groups_[sequence->group], completion(*sequence));
      if (completion(*sequence).finish_reason == FinishReason::kAbort) {
        going_on.push_back(std::move(sequence));
      } else {
        release(sequence->blocks);
        finish(groups_[sequence->group], completion(*sequence));
      }
    }
    running_ = std::move(going_on);
  }

  void finish(const RolloutGroup& group, Completion& done) {
    const bool ended = is_end(done.ids.back());
    done.text = engine_.tokenizer_.decode({done.ids.begin(), done.ids.end() - (ended ? 1 : 0)});
    if (on_finished_) on_finished_(group, done);
  }

  // Appends one token and settles the finish reason; kAbort stands for "not finished" meanwhile.
  void draw(const Sequence& s, const float* logits, int64_t vocab) {
    Completion& out = groups_[s.group].completions[s.sample];
    const auto t = static_cast<uint64_t>(out.ids.size());
    const RandomStream random(key_.seed, RandomPurpose::kSampling,
                              {key_.stage, key_.step, static_cast<uint64_t>(groups_[s.group].prompt.index), s.sample});
    const bool ban_eos = config_.min_completion_length && static_cast<int64_t>(t) < *config_.min_completion_length;
    const auto& ends = engine_.tokenizer_.eos_ids();
    const std::span<const int32_t> banned(ends.begin(), ban_eos ? ends.size() : 0);
    SampledToken token = sample_token(logits, vocab, config_, banned, random.uniform(t));
    out.ids.push_back(token.id);
    out.behavior_log_probs.push_back(token.log_prob);
    if (!token.kept.empty() || !out.kept.empty()) keep(out, std::move(token.kept), vocab);
    if (is_end(token.id)) {
      out.finish_reason = FinishReason::kStop;
    } else if (!config_.stop.empty() && stops(out)) {
      out.finish_reason = FinishReason::kStop;
    } else if (static_cast<int64_t>(out.ids.size()) >= config_.max_completion_length) {
      out.finish_reason = FinishReason::kLength;
    }
  }

  bool is_end(int32_t id) const {
    const auto& ends = engine_.tokenizer_.eos_ids();
    return std::binary_search(ends.begin(), ends.end(), id);
  }

  // Records the ids that token t was drawn from. Without a filter of its own (the end token is no longer banned) that
  // is every id.
  static void keep(Completion& out, std::vector<int32_t> kept, int64_t vocab) {
    if (kept.empty()) {
      kept.resize(static_cast<size_t>(vocab));
      std::iota(kept.begin(), kept.end(), 0);
    }
    if (out.kept.offsets.empty()) out.kept.offsets.push_back(0);
    out.kept.ids.insert(out.kept.ids.end(), kept.begin(), kept.end());
    out.kept.offsets.push_back(static_cast<int64_t>(out.kept.ids.size()));
  }

  bool stops(const Completion& out) const {
    const std::string text = engine_.tokenizer_.decode(out.ids);
    return std::any_of(config_.stop.begin(), config_.stop.end(),
                       [&](const std::string& stop) { return text.find(stop) != std::string::npos; });
  }

  RolloutEngine& engine_;
  std::vector<RolloutGroup>& groups_;
  const SamplingConfig& config_;
  const RolloutKey key_;
  const OnFinished& on_finished_;
  const OnToken& on_token_;
  std::vector<SharedPrompt> prompts_;
  BlockAllocator allocator_;
  std::deque<Sequence> waiting_;
  std::vector<std::unique_ptr<Sequence>> starting_, running_;
  std::vector<size_t> new_prompts_;
  size_t first_of_started_ = 0;
};

RolloutEngine::RolloutEngine(const Model& model, const Tokenizer& tokenizer) : model_(model), tokenizer_(tokenizer) {}

RolloutEngine::~RolloutEngine() = default;

int64_t RolloutEngine::block_bytes() const {
  const kernels::KvLayer one = kernels::make_kv_layer(model_.geometry(), 1);
  return model_.config().num_hidden_layers * static_cast<int64_t>(one.keys.nbytes() + one.values.nbytes());
}

int64_t RolloutEngine::ensure_cache(const SamplingConfig& config, int64_t longest_prompt, int64_t sequences) {
  const int64_t longest = blocks_for(longest_prompt + config.max_completion_length) + 2;
  // Room for every sequence at its longest, pages that are never used costing no memory; but no more than half of the
  // machine's: then sequences wait their turn, and nothing else changes.
  const int64_t wanted = longest * std::min(config.max_num_seqs, sequences);
  const int64_t blocks =
      config.kv_cache_blocks.value_or(std::clamp(half_of_memory() / block_bytes(), longest, std::max(longest, wanted)));
  HONE_CHECK(blocks >= longest, .what = "the KV cache cannot hold one sequence", .place = "sampling.kv_cache_blocks",
             .got = std::to_string(blocks), .expected = fmt::format("at least {}", longest),
             .hint = fmt::format("a block holds {} tokens", kBlockTokens));
  if (!cache_.empty() && cache_.front().keys.size(0) >= blocks) return blocks;
  cache_.clear();
  for (int64_t i = 0; i < model_.config().num_hidden_layers; ++i)
    cache_.push_back(kernels::make_kv_layer(model_.geometry(), blocks));
  return blocks;
}

std::vector<RolloutGroup> RolloutEngine::generate(std::vector<Prompt> prompts, int64_t num_generations,
                                                  const SamplingConfig& config, const RolloutKey& key,
                                                  const OnFinished& on_finished, const OnToken& on_token) {
  const at::NoGradGuard no_grad;
  stats_ = {};
  std::vector<RolloutGroup> groups;
  int64_t longest = 0;
  for (Prompt& prompt : prompts) {
    const auto tokens = static_cast<int64_t>(prompt.ids.size());
    const int64_t room = model_.config().max_position_embeddings - config.max_completion_length;
    HONE_CHECK(tokens >= 1, .what = "empty prompt", .place = prompt.id);
    HONE_CHECK(tokens <= room, .what = "the prompt and max_completion_length do not fit the model's positions",
               .place = prompt.id, .got = fmt::format("{} + {} tokens", tokens, config.max_completion_length),
               .expected = fmt::format("at most {}", model_.config().max_position_embeddings));
    // A completion that grew past it would have been sampled with other factors than it is scored with.
    const int64_t change = model_.config().rope_changes_after();
    HONE_CHECK(tokens > change || tokens + config.max_completion_length <= change,
               .what = "the completion could grow past the length where longrope changes its factors",
               .place = prompt.id, .got = fmt::format("{} + {} tokens", tokens, config.max_completion_length),
               .expected = fmt::format("at most {} in all, or a longer prompt", change));
    longest = std::max(longest, tokens);
    groups.push_back({std::move(prompt), std::vector<Completion>(static_cast<size_t>(num_generations)), 0});
  }
  if (groups.empty() || num_generations == 0) return groups;
  const int64_t blocks = ensure_cache(config, longest, static_cast<int64_t>(groups.size()) * num_generations);
  Batch(*this, groups, config, blocks, key, on_finished, on_token).run();
  return groups;
}

}  // namespace hone

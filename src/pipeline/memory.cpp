#include "pipeline/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "hone/core/error.h"
#include "hone/model/unit.h"

namespace hone {
namespace {

constexpr int64_t kFloat = 4;              // bytes
constexpr int64_t kHeadRows = 2048;        // the head works on so many rows at a time
constexpr int64_t kProgram = 110'000'000;  // measured: a run's peak beside what is counted here

// Floats a token that the operations of a layer keep for their backward pass, the layer's input included.
int64_t attention_floats(const ModelConfig& m) {
  const int64_t width = m.hidden_size, q = m.num_attention_heads * m.head_dim;
  const int64_t out = m.num_attention_heads * m.value_dim();
  const int64_t qkv = q + m.num_key_value_heads * (m.head_dim + m.value_dim());
  int64_t kept = 2 * width + qkv + out;  // input, normalised input, q k v, what the heads give
  if (m.qk_norm) kept += q + m.num_key_value_heads * m.head_dim;
  if (m.latent.kv_lora_rank > 0) kept += 2 * (m.latent.q_lora_rank + m.latent.kv_lora_rank);
  return kept;
}

int64_t feed_forward_floats(const ModelConfig& m, int64_t layer) {
  const int64_t ends = 2 * m.hidden_size;  // input, normalised input
  if (!m.is_sparse(layer)) return ends + 3 * m.intermediate_size;
  // Experts compute again what they had inside; of the router its scores and the choice.
  const ExpertLayers& e = m.experts;
  return ends + e.num_experts + 3 * e.experts_per_token + 3 * e.shared_experts * e.intermediate_size;
}

// The gradients of a layer's inside that exist at a time.
int64_t backward_floats(const ModelConfig& m, int64_t layer) {
  const int64_t inner = m.is_sparse(layer)
                            ? (m.experts.shared_experts + m.experts.experts_per_token) * m.experts.intermediate_size
                            : m.intermediate_size;
  return 2 * m.hidden_size + 3 * inner;
}

int64_t activation_floats(const ModelConfig& m, bool checkpointing) {
  int64_t all = 0, largest = 0, backward = 0;
  for (int64_t layer = 0; layer < m.num_hidden_layers; ++layer) {
    const int64_t kept = attention_floats(m) + feed_forward_floats(m, layer);
    all += kept;
    largest = std::max(largest, kept);
    backward = std::max(backward, backward_floats(m, layer));
  }
  const int64_t cache = m.num_key_value_heads * (m.head_dim + m.value_dim());
  const int64_t ends = 4 * m.hidden_size;  // the last output, the head's input and its gradient
  return (checkpointing ? m.num_hidden_layers * m.hidden_size + 2 * largest : all) + backward + cache + ends;
}

// All weights but an embedding of its own, whose rows are looked up and never multiplied.
int64_t packed_bytes(const ModelConfig& m) {
  const bool tied = m.tie_word_embeddings && !m.score_head;
  return kFloat * (m.parameter_count() - (tied ? 0 : m.vocab_size * m.hidden_size));
}

int64_t largest_unit(const ModelConfig& m) {
  int64_t largest = 0;
  for (const ParameterUnit& unit : parameter_units(m)) largest = std::max(largest, unit.elements());
  return kFloat * largest;
}

}  // namespace

Memory training_memory(const ModelConfig& model, const OptimizerConfig& optimizer, int64_t tokens, const Ranks& ranks) {
  Memory m;
  const int64_t parameters = kFloat * model.parameter_count();
  const int64_t stage = ranks.size > 1 ? ranks.zero_stage : 0;
  const int64_t unit = ranks.size > 1 ? largest_unit(model) : 0;
  const auto share = [&](int64_t from_stage) { return stage >= from_stage ? parameters / ranks.size : parameters; };
  const bool tied = model.tie_word_embeddings && !model.score_head;
  m.weights = share(3) + packed_bytes(model) + (stage >= 3 ? unit : 0);
  m.optimizer = 2 * share(1);
  m.gradients = share(2) + (tied ? kFloat * model.vocab_size * model.hidden_size : 0) + (stage >= 2 ? 2 : 1) * unit;
  m.activations = kFloat * tokens * activation_floats(model, optimizer.gradient_checkpointing);
  m.logits = kFloat * std::min(tokens, kHeadRows) * (model.score_head ? 1 : model.vocab_size);
  m.program = kProgram;
  return m;
}

Memory frozen_memory(const ModelConfig& model) {
  const bool tied = model.tie_word_embeddings;
  Memory m;
  m.weights = packed_bytes(model) + (tied ? 0 : kFloat * model.vocab_size * model.hidden_size);
  m.program = kProgram;
  return m;
}

int64_t kv_cache_bytes(const ModelConfig& m, int64_t completions, int64_t prompt, const SamplingConfig& sampling) {
  const int64_t slots = std::min(completions, sampling.max_num_seqs) * (prompt + sampling.max_completion_length);
  const int64_t whole = kFloat * slots * m.num_hidden_layers * m.num_key_value_heads * (m.head_dim + m.value_dim());
  return std::min(whole, machine_memory() / 2);  // with less, sequences wait for each other
}

int64_t machine_memory() {
  int64_t bytes = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<int64_t>(::sysconf(_SC_PAGESIZE));
  // A container's limit; "max" or no file: none.
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    int64_t limit = 0;
    if (std::ifstream(path) >> limit && limit > 0) bytes = std::min(bytes, limit);
  }
  return bytes;
}

std::string in_bytes(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return bytes < 1'000'000'000 ? fmt::format("{:.1f} MB", value * 1e-6) : fmt::format("{:.2f} GB", value * 1e-9);
}

void check_fits(const Memory& memory, const Ranks& ranks, const std::string& stage, int64_t available) {
  const int64_t needed = ranks.on_this_machine * memory.total();
  if (needed <= available) return;
  std::string help;
  const auto suggest = [&](int64_t bytes, const std::string& text) {
    if (bytes > needed / 20 / ranks.on_this_machine) help += (help.empty() ? "" : "; ") + text;
  };
  suggest(memory.activations, "optimizer.gradient_checkpointing: true or a smaller optimizer.micro_batch_tokens");
  suggest(memory.kv_cache, "a smaller sampling.max_num_seqs or sampling.max_completion_length");
  if (ranks.size > 1 && ranks.zero_stage < 3)
    suggest(memory.optimizer + memory.gradients, fmt::format("runtime.zero_stage above {}", ranks.zero_stage));
  if (ranks.size > ranks.on_this_machine || ranks.size == 1)
    suggest(memory.optimizer + memory.gradients, "ranks on more machines with runtime.zero_stage 1, 2 or 3");
  suggest(memory.reference, "grpo.beta: 0 needs no reference model");
  throw_input({.what = fmt::format("the stage does not fit into the memory of this machine"),
               .place = stage,
               .got = ranks.on_this_machine == 1
                          ? in_bytes(needed)
                          : fmt::format("{} on each of {} ranks", in_bytes(memory.total()), ranks.on_this_machine),
               .expected = fmt::format("at most {}", in_bytes(available)),
               .hint = help.empty() ? "a smaller model" : help});
}

}  // namespace hone

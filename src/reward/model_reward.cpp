#include "reward/make_reward.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>

#include "hone/core/error.h"
#include "hone/core/log.h"
#include "hone/data/reasoning_text.h"
#include "hone/model/sequence_classifier.h"
#include "hone/tokenizer/tokenizer.h"
#include "hone/tokenizer/utf8.h"
#include "reward/text_template.h"

namespace hone {
namespace {

using Ids = std::vector<int32_t>;

void append(Ids& ids, const Ids& more) {
  ids.insert(ids.end(), more.begin(), more.end());
}

// The kernels have one caller in the whole process.
std::mutex& kernels_mutex() {
  static std::mutex the_mutex;
  return the_mutex;
}

// White space is what tokenizers may lose.
std::string without_white_space(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (!is_white_space(next_code_point(text, at))) result += text.substr(begin, at - begin);
  }
  return result;
}

double squashed(double score, Squash squash) {
  return squash == Squash::kSigmoid ? 1.0 / (1.0 + std::exp(-score)) : score;
}

class Scorer {
 public:
  explicit Scorer(const ModelReward& config)
      : classifier_(SequenceClassifier::load(config.path)),
        part_(config.part),
        squash_(config.squash),
        max_tokens_(config.max_tokens.value_or(classifier_.config().max_position_embeddings)) {
    HONE_CHECK(max_tokens_ <= classifier_.config().max_position_embeddings,
               .what = "reward_model: max_tokens is more than the model has positions", .place = config.path,
               .got = std::to_string(max_tokens_),
               .expected = fmt::format("at most {}", classifier_.config().max_position_embeddings));
    if (config.text_template) {
      template_.emplace(*config.text_template, std::vector<std::string_view>{"prompt", "completion"},
                        "reward_model: template");
      HONE_CHECK(template_->count("completion") == 1 && template_->count("prompt") <= 1,
                 .what = "reward_model: template must hold {{completion}} once, and {{prompt}} at most once",
                 .got = *config.text_template);
    }
    try {
      tokenizer_ = Tokenizer::load(config.path);
    } catch (const Error& error) {
      tokenizer_problem_ = fmt::format("the reward model's tokenizer cannot be read: {}", error.what());
      log_warning(tokenizer_problem_);
    }
  }

  RewardResult judge(const Prompt& prompt, const Completion& completion) const {
    if (part_ == ScoredPart::kCompletion) return judge_whole(prompt, completion);
    const auto rest = read_tags(completion.text).rest;
    if (!rest || is_blank(*rest)) return unusable("nothing follows the thinking");
    Completion answer;
    answer.text = trim(*rest);
    answer.finish_reason = completion.finish_reason;
    return judge_whole(prompt, answer);
  }

 private:
  RewardResult judge_whole(const Prompt& prompt, const Completion& completion) const {
    if (!tokenizer_) return unusable(tokenizer_problem_);
    Ids ids;
    try {
      ids = template_ ? templated(prompt, completion) : plain(prompt, completion);
    } catch (const Error& error) {
      return unusable(error.what());
    }
    if (ids.empty()) return unusable("neither prompt nor completion has a token");
    const auto count = static_cast<int64_t>(ids.size());
    if (count > max_tokens_) return unusable(fmt::format("{} tokens, more than {}", count, max_tokens_));
    const int32_t largest = *std::ranges::max_element(ids);
    if (largest >= classifier_.config().vocab_size)
      return unusable(fmt::format("the model's vocabulary has no token {}", largest));
    const std::lock_guard lock(kernels_mutex());
    const double score = classifier_.scores({ids})[0];
    if (!std::isfinite(score)) return unusable("the score is not a finite number");
    return {squashed(score, squash_)};
  }

  static RewardResult unusable(std::string reason) { return {std::nullopt, Verdict::kUnusable, std::move(reason)}; }

  bool in_vocabulary(const Ids& ids) const {
    return std::ranges::all_of(ids, [&](int32_t id) { return id >= 0 && id < tokenizer_->vocab_size(); });
  }
  /// Whether ids and text are the same under this tokenizer: then the tokens that were sampled are scored, not those
  /// that the text would be cut into.
  bool own_ids(const Completion& completion) const {
    if (completion.ids.empty() || !in_vocabulary(completion.ids)) return false;
    return tokenizer_->decode(without_end(completion.ids)) == completion.text;
  }
  /// A prompt's ids are the question within its template.
  bool own_ids(const Prompt& prompt) const {
    if (prompt.ids.empty() || !in_vocabulary(prompt.ids)) return false;
    const std::string whole = without_white_space(tokenizer_->decode(prompt.ids, /*skip_special=*/false));
    return whole.find(without_white_space(prompt.text)) != std::string::npos;
  }
  Ids without_end(Ids ids) const {
    if (!ids.empty() && ids.back() == tokenizer_->eos_id()) ids.pop_back();
    return ids;
  }

  Ids plain(const Prompt& prompt, const Completion& completion) const {
    Ids ids = own_ids(prompt) ? prompt.ids : tokenizer_->encode(prompt.text);
    if (own_ids(completion)) {
      append(ids, completion.ids);
      return ids;
    }
    append(ids, tokenizer_->encode(completion.text, {.add_bos = false}));
    if (completion.finish_reason == FinishReason::kStop) ids.push_back(tokenizer_->eos_id());
    return ids;
  }

  Ids templated(const Prompt& prompt, const Completion& completion) const {
    const bool sampled = own_ids(completion);
    Ids ids;
    std::string text;  // in one piece up to sampled ids, so that no token boundary is made up
    for (const TextTemplate::Piece& piece : template_->pieces()) {
      if (!piece.place) {
        text += piece.text;
      } else if (piece.text == "prompt") {
        text += prompt.text;
      } else if (!sampled) {
        text += completion.text;
      } else {
        append(ids, tokenizer_->encode(text));
        append(ids, without_end(completion.ids));
        text.clear();
      }
    }
    append(ids, tokenizer_->encode(text, {.add_bos = ids.empty() ? std::nullopt : std::optional(false)}));
    return ids;
  }

  const SequenceClassifier classifier_;
  const ScoredPart part_;
  const Squash squash_;
  const int64_t max_tokens_;
  std::optional<TextTemplate> template_;
  std::optional<Tokenizer> tokenizer_;
  std::string tokenizer_problem_;
};

}  // namespace

RewardFunction make_reward(const ModelReward& config, const Context&) {
  const auto scorer = std::make_shared<const Scorer>(config);
  return [scorer](const Prompt& prompt, const Completion& completion) { return scorer->judge(prompt, completion); };
}

}  // namespace hone

// The plain records that flow down a training step: Prompt -> RolloutGroup (of Completions) -> TrainBatch (algo). They
// own their memory and have no behaviour, so that rollout, reward and algo need not know each other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

/// The fields of one row of a data set (a JSON object): `answer`, `language`, ... . Immutable, cheap to copy,
/// thread-safe to read.
class Record {
 public:
  Record();  ///< the empty object
  /// Parses one JSON object. Throws Error with `place` ("data.jsonl:17") when it is not one.
  static Record parse(std::string_view json, const std::string& place);

  bool has(std::string_view key) const;
  /// The field as text: a string as it is, a number or boolean as JSON writes it; nothing when absent, null, list or
  /// object.
  std::optional<std::string> text(std::string_view key) const;
  /// The field as compact JSON, whatever it holds; nothing when absent.
  std::optional<std::string> json(std::string_view key) const;
  /// The elements of a list, each as text; a text, number or boolean is a list of one. Nothing when absent, null, an
  /// object, or a list that holds anything else.
  std::optional<std::vector<std::string>> list(std::string_view key) const;
  /// The whole object as compact JSON.
  std::string dump() const;
  /// The content of the last of `messages`; nothing when that is not a list of {role, content} with texts.
  std::optional<std::string> last_message() const;
  /// How many messages there are.
  size_t messages() const;
  /// The names of its fields, for people: "question, answer".
  std::string names() const;
  /// This record with more fields: `first` is a copy of the field `second`, or where `second` holds {{fields}} that
  /// text with these filled in. Throws Error kInput with `place` when a field is missing, or is to be filled in and is
  /// no text.
  Record mapped(const std::vector<std::pair<std::string, std::string>>& fields, const std::string& place) const;

 private:
  struct Fields;
  std::shared_ptr<const Fields> fields_;
};

/// One question for the model.
struct Prompt {
  int64_t index = 0;            ///< position in the data stream; names the prompt's random stream
  std::string id;               ///< the row's id, kept through every file
  std::string text;             ///< the question, before the template
  std::vector<int32_t> ids;     ///< model input: the template filled in and tokenized
  std::string source = "data";  ///< which of its stage's sources it was drawn from
  Record record;                ///< all fields of the row, for the rewards
};

enum class FinishReason { kStop, kLength, kAbort };
/// "stop", "length", "abort".
std::string_view to_string(FinishReason reason);

/// The ids that top-k, top-p and min-p left at each token of a completion, when a filter was on: token t drew from
/// ids[offsets[t] .. offsets[t+1]). Kept so that training computes log-probs under the very distribution that was
/// sampled.
struct KeptIds {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;  ///< size tokens + 1, or empty when no filter was on
  bool empty() const { return offsets.empty(); }
};

/// One sampled answer.
struct Completion {
  std::vector<int32_t> ids;               ///< generated tokens, the end token included when there is one
  std::vector<float> behavior_log_probs;  ///< log-prob of each token under the distribution it was drawn from
  KeptIds kept;                           ///< see KeptIds
  FinishReason finish_reason = FinishReason::kAbort;
  std::string text;  ///< decoded, without the end token

  std::vector<std::optional<double>> reward_parts;  ///< one per configured reward, unweighted; nothing = unusable
  double reward = 0;                                ///< weighted sum of the usable parts
  double advantage = 0;
};

/// A prompt with its G completions.
struct RolloutGroup {
  Prompt prompt;
  std::vector<Completion> completions;
  int64_t policy_version = 0;  ///< optimizer updates done when the group was sampled
};

}  // namespace hone

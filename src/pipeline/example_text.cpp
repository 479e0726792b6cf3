#include "pipeline/example_text.h"

#include <algorithm>

#include "hone/core/error.h"

namespace hone {

std::vector<int32_t> ExampleText::prompt(const Prompt& prompt, const std::string& place) const {
  std::vector<int32_t> ids = template_.encode(tokenizer_, prompt);
  HONE_CHECK(!ids.empty(), .what = "empty prompt", .place = place);
  return ids;
}

std::vector<int32_t> ExampleText::with_completion(std::vector<int32_t> prompt, const std::string& completion) const {
  const std::vector<int32_t> more = continuation(prompt.back(), completion);
  prompt.insert(prompt.end(), more.begin(), more.end());
  prompt.push_back(tokenizer_.eos_id());
  return prompt;
}

// SentencePiece puts a space of its own before a text, and so before a completion that is tokenized for itself, where
// the model would read "Answer:  4" for "Answer: 4". Behind a token that is text there is none; behind a special one
// the tokenizer decides, as it does in a whole conversation.
std::vector<int32_t> ExampleText::continuation(int32_t last, const std::string& completion) const {
  constexpr std::string_view kSpaceMark = "▁";
  std::vector<int32_t> alone = tokenizer_.encode(completion, {.add_bos = false});
  if (alone.empty() || !tokenizer_.token(alone.front()).starts_with(kSpaceMark)) return alone;
  const std::string before = tokenizer_.is_special(last) ? tokenizer_.token(last) : "\n";
  const std::vector<int32_t> head = tokenizer_.encode(before, {.add_bos = false});
  const std::vector<int32_t> joined = tokenizer_.encode(before + completion, {.add_bos = false});
  const auto [end, rest] = std::ranges::mismatch(head, joined);
  return end == head.end() ? std::vector<int32_t>(rest, joined.end()) : alone;
}

std::string required_text(const Record& record, std::string_view field, const std::string& place) {
  auto text = record.text(field);
  HONE_CHECK(text.has_value(), .what = fmt::format("the record has no text '{}'", field), .place = place,
             .got = record.names(), .hint = "`fields`, beside the file's path, says which of its fields that is");
  return *std::move(text);
}

}  // namespace hone

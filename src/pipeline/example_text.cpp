#include "pipeline/example_text.h"

#include "hone/core/error.h"

namespace hone {

std::vector<int32_t> ExampleText::prompt(const Prompt& prompt, const std::string& place) const {
  std::vector<int32_t> ids = template_.encode(tokenizer_, prompt);
  HONE_CHECK(!ids.empty(), .what = "empty prompt", .place = place);
  return ids;
}

std::vector<int32_t> ExampleText::with_completion(std::vector<int32_t> prompt, const std::string& completion) const {
  const std::vector<int32_t> more = tokenizer_.encode(completion, {.add_bos = false});
  prompt.insert(prompt.end(), more.begin(), more.end());
  prompt.push_back(tokenizer_.eos_id());
  return prompt;
}

std::string required_text(const Record& record, std::string_view field, const std::string& place) {
  auto text = record.text(field);
  HONE_CHECK(text.has_value(), .what = fmt::format("the record has no text '{}'", field), .place = place,
             .got = record.names(), .hint = "`fields`, beside the file's path, says which of its fields that is");
  return *std::move(text);
}

}  // namespace hone

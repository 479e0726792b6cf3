#include "answer_text.h"

#include <algorithm>

#include "hone/data/reasoning_text.h"

namespace hone {
namespace {

constexpr auto kNone = std::string_view::npos;

// The last place of a command that does not go on as another one ("\boxedx").
size_t last_command(std::string_view text, std::string_view command) {
  for (size_t at = text.rfind(command); at != kNone; at = at == 0 ? kNone : text.rfind(command, at - 1)) {
    const size_t behind = at + command.size();
    const char next = behind < text.size() ? text[behind] : ' ';
    if (!((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z'))) return at;
  }
  return kNone;
}

// What the braces that open text[0] hold.
Box read_braces(std::string_view text) {
  int64_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return {text.substr(1, i - 1), true};
    }
  }
  return {};
}

FoundAnswer boxed(const Box& box) {
  if (!box.closed) return {.text = {}, .reason = "the last box is not closed"};
  return {.text = trim(box.inside), .marked = true};
}

}  // namespace

std::optional<Box> last_box(std::string_view text) {
  const size_t boxed = last_command(text, "\\boxed"), fbox = last_command(text, "\\fbox");
  if (boxed == kNone && fbox == kNone) return std::nullopt;
  const bool is_boxed = fbox == kNone || (boxed != kNone && boxed > fbox);
  text.remove_prefix(is_boxed ? boxed + 6 : fbox + 5);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.starts_with('{')) return read_braces(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n$"));
  return Box{word, !word.empty()};
}

FoundAnswer find_answer(std::string_view completion, const AnswerSource& source) {
  const TaggedText tags = read_tags(completion, source.think_opened_by_prompt);
  if (!tags.rest) return {.text = {}, .reason = "the thinking never ends"};
  const bool any = source.answer_in == AnswerPlace::kAuto;
  if (source.answer_in == AnswerPlace::kText) return {.text = trim(*tags.rest)};
  if (source.answer_in == AnswerPlace::kTags && !tags.answer) return {.text = {}, .reason = "no answer block"};
  if (source.answer_in != AnswerPlace::kTags) {
    if (const auto box = last_box(any && tags.answer ? *tags.answer : *tags.rest)) return boxed(*box);
    if (!any) return {.text = {}, .reason = "no box"};
  }
  if (tags.answer) return {.text = trim(*tags.answer), .marked = true};
  return {.text = trim(*tags.rest)};
}

}  // namespace hone

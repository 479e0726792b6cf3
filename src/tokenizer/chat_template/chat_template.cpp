#include "hone/tokenizer/chat_template.h"

#include <fmt/format.h>

#include <optional>

#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/lexer.h"
#include "tokenizer/chat_template/limits.h"
#include "tokenizer/chat_template/parser.h"

namespace hone {

struct ChatTemplate::Tree {
  std::string name;
  jinja::Template root;
};

ChatTemplate ChatTemplate::parse(std::string_view text, std::string name) {
  HONE_CHECK(text.size() <= jinja::kMaxTemplateBytes, .what = "the template is too long", .place = name,
             .got = fmt::format("{} bytes", text.size()),
             .expected = fmt::format("at most {}", jinja::kMaxTemplateBytes));
  int line = 1;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    HONE_CHECK(c != kInvalidCodePoint, .what = "not UTF-8", .place = fmt::format("{}:{}", name, line));
    if (c == '\n') ++line;
  }
  try {
    jinja::Template root = jinja::parse_template(text);
    return ChatTemplate(std::make_shared<const Tree>(Tree{std::move(name), std::move(root)}));
  } catch (const jinja::SyntaxError& error) {
    throw_input({.what = error.message, .place = fmt::format("{}:{}", name, error.line)});
  }
}

RenderedChat ChatTemplate::render_all(std::string_view variables, std::time_t now, bool spans) const {
  std::optional<jinja::Interpreter> interpreter;
  try {
    interpreter.emplace(variables, now);
  } catch (const jinja::Failure& failure) {
    throw_input({.what = fmt::format("the variables: {}", failure.message), .place = tree_->name});
  }
  try {
    interpreter->run(tree_->root);
  } catch (const jinja::Failure& failure) {
    throw_input({.what = failure.message, .place = fmt::format("{}:{}", tree_->name, interpreter->line())});
  }
  HONE_CHECK(!spans || !interpreter->generated_elsewhere(),
             .what = "a {% generation %} block inside a macro or a captured block has no known place in the text",
             .place = tree_->name);
  RenderedChat chat{interpreter->text(), {}};
  for (const auto& [begin, end] : interpreter->generated()) chat.assistant.push_back({begin, end});
  return chat;
}

std::string ChatTemplate::render(std::string_view variables, std::time_t now) const {
  return render_all(variables, now, /*spans=*/false).text;
}

RenderedChat ChatTemplate::render_spans(std::string_view variables, std::time_t now) const {
  return render_all(variables, now, /*spans=*/true);
}

}  // namespace hone

#include "tokenizer_chat.h"

#include <fmt/format.h>

#include "hone/core/error.h"
#include "hone/tokenizer/chat_template.h"
#include "jsonl.h"

namespace hone::cli {

void tokenizer_chat(const std::string& folder, const std::string& input,
                    const std::function<std::vector<int32_t>(const std::string& text)>& encode) {
  const ChatTemplates templates = ChatTemplates::load(folder);
  read_jsonl(input, [&](const Json& row, const std::string& place) {
    std::string text;
    try {
      text = templates.render(row.dump());
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: {}", place, error.what()));
    }
    const std::vector<int32_t> ids = encode(text);
    write_jsonl({{"text", std::move(text)}, {"ids", ids}});
  });
}

}  // namespace hone::cli

// hone tokenizer chat: conversations in, the text and the ids that a model is given out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hone::cli {

/// Rows of {"messages", "add_generation_prompt"?, "tools"?, ...} from `input` (standard input where it is empty) become
/// {"text", "ids"} by the chat template in `folder`. `encode` must read special tokens and add none.
void tokenizer_chat(const std::string& folder, const std::string& input,
                    const std::function<std::vector<int32_t>(const std::string& text)>& encode);

}  // namespace hone::cli

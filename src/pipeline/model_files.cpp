#include "pipeline/model_files.h"

#include "hone/core/file.h"

namespace hone {

namespace fs = std::filesystem;

void copy_text_files(const fs::path& from, const fs::path& to) {
  constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;
  const auto copy = [&](const fs::path& name) {
    if (fs::is_regular_file(from / name)) write_atomic(to / name, read_file(from / name, kMaxFileBytes));
  };
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                           "vocab.json", "merges.txt", "tokenizer.model", "qwen.tiktoken", "cl100k_base.tiktoken",
                           "chat_template.jinja", "generation_config.json"}) {
    copy(name);
  }
  for (const char* name : {"templates", "additional_chat_templates"}) {
    if (!fs::is_directory(from / name)) continue;
    create_folders(to / name);
    for (const auto& entry : fs::directory_iterator(from / name)) copy(name / entry.path().filename());
  }
}

}  // namespace hone

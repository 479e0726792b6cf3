#include "pipeline/model_files.h"

#include <algorithm>

#include "hone/core/file.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr const char* kTextFiles[] = {"added_tokens.json",       "chat_template.jinja", "cl100k_base.tiktoken",
                                      "generation_config.json",  "merges.txt",          "qwen.tiktoken",
                                      "special_tokens_map.json", "tokenizer.json",      "tokenizer.model",
                                      "tokenizer_config.json",   "vocab.json"};
constexpr const char* kTextFolders[] = {"additional_chat_templates", "templates"};

// The text files that there are, by their paths in the folder.
std::vector<fs::path> text_files(const fs::path& folder) {
  std::vector<fs::path> names;
  for (const char* name : kTextFiles) {
    if (fs::is_regular_file(folder / name)) names.emplace_back(name);
  }
  for (const char* name : kTextFolders) {
    if (!fs::is_directory(folder / name)) continue;
    for (const auto& entry : fs::directory_iterator(folder / name)) {
      if (entry.is_regular_file()) names.push_back(name / entry.path().filename());
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> model_files(const fs::path& folder) {
  std::vector<std::string> names = {"config.json"};
  for (const fs::path& name : text_files(folder)) names.push_back(name.string());
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

void copy_text_files(const fs::path& from, const fs::path& to) {
  constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;
  for (const fs::path& name : text_files(from)) {
    create_folders((to / name).parent_path());
    write_atomic(to / name, read_file(from / name, kMaxFileBytes));
  }
}

void copy_model(const fs::path& from, const fs::path& to) {
  copy_text_files(from, to);
  for (const std::string& name : model_files(from)) {
    if (name != "config.json" && name.find(".safetensors") == std::string::npos) continue;
    write_atomic(to / name, [&](FileWriter& file) { file.write(MappedFile(from / name).bytes()); });
  }
}

}  // namespace hone

#include "hone/data/prompt_template.h"

#include <filesystem>

#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

constexpr std::string_view kPlaceholder = "{{prompt}}";
constexpr uint64_t kMaxBytes = 1 << 20;

// The wording of the paper's table, on which the tags of the format reward rest.
constexpr std::string_view kR1Zero =
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think>...</think> and <answer>...</answer> tags, respectively, i.e., "
    "<think> reasoning process here </think> <answer> answer here </answer>. User: {{prompt}}. Assistant:";

std::string read_template_file(const std::filesystem::path& path) {
  std::string text = read_file(path, kMaxBytes);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string find_template(const std::string& name, const std::string& model_folder) {
  const std::filesystem::path path(name);
  if (name.find('/') != std::string::npos || path.has_extension()) return read_template_file(path);
  const auto own = std::filesystem::path(model_folder) / "templates" / (name + ".txt");
  if (std::filesystem::exists(own)) return read_template_file(own);
  if (name == "r1_zero") return std::string(kR1Zero);
  if (name == "none") return std::string(kPlaceholder);
  throw_input({.what = "unknown prompt template",
               .got = name,
               .expected = "r1_zero, none, a file, or a name in the model's folder templates",
               .hint = own.string() + " does not exist"});
}

}  // namespace

std::string load_template(const std::string& name, const std::string& model_folder) {
  std::string text = find_template(name, model_folder);
  const size_t at = text.find(kPlaceholder);
  HONE_CHECK(at != std::string::npos && text.find(kPlaceholder, at + 1) == std::string::npos,
             .what = "a prompt template must hold {{prompt}} exactly once", .place = name);
  return text;
}

std::string fill_template(std::string_view template_text, std::string_view prompt) {
  const size_t at = template_text.find(kPlaceholder);
  HONE_ASSERT(at != std::string_view::npos);
  return fmt::format("{}{}{}", template_text.substr(0, at), prompt, template_text.substr(at + kPlaceholder.size()));
}

}  // namespace hone

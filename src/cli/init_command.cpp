// hone init RECIPE DIR: configs with every key and its meaning, to edit.
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

#include "commands.h"
#include "hone/core/config_file.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/pipeline/config.h"
#include "recipes.h"

namespace hone::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGrpo =
    R"yaml(# GRPO with its defaults: groups of 16, clip 0.2 and 0.28, loss averaged over tokens. Put your model and data here.
name: grpo
model: { path: builtin:miniature }
stage:
  type: grpo
  data: { path: builtin:chains }
  sampling: { max_completion_length: 96 }
  rewards:
    - { type: accuracy }
    - { type: format }
  optimizer: { lr: 1.0e-4 }
  steps: 40
)yaml";

constexpr const char* kSft =
    R"yaml(# Supervised fine-tuning with its defaults. Put your model and your examples here.
name: sft
model: { path: builtin:miniature }
stage:
  type: sft
  data: { path: examples.jsonl, source: "your examples: a line each, {\"prompt\": ..., \"completion\": ...}" }
  sft: { epochs: 2 }
  optimizer: { lr: 5.0e-5, lr_scheduler_type: cosine, min_lr_ratio: 0.1 }
)yaml";

struct RecipeFile {
  std::string name;
  std::string text;
};
struct Recipe {
  std::string name;
  std::vector<RecipeFile> files;
};

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> table = {
      {"r1_zero", {{"r1_zero.yaml", kMiniatureR1Zero}}},
      {"miniature",
       {{"pretrain.yaml", kMiniaturePretrain},
        {"r1_zero.yaml", kMiniatureR1Zero},
        {"r1_zero_language.yaml", kMiniatureR1ZeroLanguage}}},
      {"r1", {{"r1.yaml", kMiniatureR1}}},
      {"sft", {{"sft.yaml", kSft}}},
      {"grpo", {{"grpo.yaml", kGrpo}}},
      {"distill", {{"distill.yaml", kMiniatureDistill}}},
  };
  return table;
}

const Recipe& find_recipe(const std::string& name) {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) {
    if (recipe.name == name) return recipe;
    names.push_back(recipe.name);
  }
  throw_input({.what = "unknown recipe",
               .got = "'" + name + "'",
               .expected = fmt::format("one of {}", fmt::join(names, ", "))});
}

// The header of the shipped file, then every key under its help.
std::string commented(const RecipeFile& file) {
  std::string text;
  for (size_t begin = 0; file.text.compare(begin, 1, "#") == 0;) {
    const size_t end = file.text.find('\n', begin) + 1;
    text += file.text.substr(begin, end - begin);
    begin = end;
  }
  std::vector<std::string> absent;  // what the user is to bring
  RunConfig config = parse_run_config(file.name, file.text, &absent);
  return text + "\n" + config_yaml([&](ConfigVisitor& v) { describe(v, config); }, true);
}

void init(const std::string& name, const fs::path& folder) {
  const Recipe& recipe = find_recipe(name);
  for (const RecipeFile& file : recipe.files) {
    HONE_CHECK(!fs::exists(fs::symlink_status(folder / file.name)), .what = "exists already and is left as it is",
               .place = (folder / file.name).string(), .hint = "choose another folder or remove it");
  }
  create_folders(folder);
  for (const RecipeFile& file : recipe.files) {
    write_atomic(folder / file.name, commented(file));
    fmt::print("{}\n", (folder / file.name).string());
  }
}

}  // namespace

void add_init(CLI::App& app, int&) {
  struct Options {
    std::string recipe, folder;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("init", "Write commented configs to edit");
  command->add_option("RECIPE", options->recipe, "r1_zero, r1, sft, grpo, distill or miniature")->required();
  command->add_option("DIR", options->folder, "Folder for the files; existing ones are never overwritten")->required();
  command->footer("Example:\n  hone init r1_zero my_run");
  command->callback([options] { init(options->recipe, options->folder); });
}

}  // namespace hone::cli

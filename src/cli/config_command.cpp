// hone config show | schema | keys: what a config comes to, and what there is to set.
#include <fmt/ranges.h>
#include <algorithm>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "hone/core/config_file.h"
#include "hone/core/error.h"
#include "hone/core/suggest.h"
#include "hone/pipeline/config.h"

namespace hone::cli {
namespace {

constexpr size_t kColumns = 6;
using Row = std::array<std::string, kColumns>;
const Row kHeadings = {"key", "type", "default", "range", "unit", "meaning"};

Row to_row(const ConfigKey& key) {
  const std::string types = key.types.empty() ? "" : fmt::format(" [{}]", fmt::join(key.types, ", "));
  return {key.path, key.type, key.default_value, key.range, key.unit, key.help + types};
}

void print_table(const std::vector<Row>& rows) {
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i + 1 < kColumns; ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    fmt::print("{}{}\n", line, row.back());
  }
}

void print_markdown(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    std::string line = "|";
    for (std::string cell : row) {
      for (size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
      line += fmt::format(" {} |", cell);
    }
    fmt::print("{}\n", line);
    if (&row == &rows.front()) fmt::print("|---|---|---|---|---|---|\n");
  }
}

void print_json(const std::vector<ConfigKey>& keys) {
  auto list = nlohmann::ordered_json::array();
  for (const ConfigKey& key : keys) {
    list.push_back({{"key", key.path},
                    {"type", key.type},
                    {"default", key.default_value},
                    {"range", key.range},
                    {"unit", key.unit},
                    {"meaning", key.help},
                    {"types", key.types}});
  }
  fmt::print("{}\n", list.dump(2));
}

// Keys below `prefix`, which may leave out sections above: "grpo" is "stage.grpo".
std::vector<ConfigKey> select_keys(const std::string& prefix) {
  RunConfig config;
  std::vector<ConfigKey> all = config_keys([&](ConfigVisitor& v) { describe(v, config); });
  if (prefix.empty()) return all;
  const std::string inside = "." + prefix;
  std::vector<ConfigKey> selected;
  std::vector<std::string> words;
  for (ConfigKey& key : all) {
    for (size_t begin = 0; begin < key.path.size();) {
      const size_t end = std::min(key.path.find('.', begin), key.path.size());
      words.push_back(key.path.substr(begin, end - begin));
      begin = end + 1;
    }
    if (key.path.starts_with(prefix) || key.path.find(inside) != std::string::npos) selected.push_back(std::move(key));
  }
  HONE_CHECK(!selected.empty(), .what = fmt::format("no key begins with '{}'{}", prefix, did_you_mean(prefix, words)));
  return selected;
}

void add_show(CLI::App& config) {
  struct Options {
    std::string config;
    std::vector<std::string> overrides;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = config.add_subcommand("show", "Print the resolved config: every key with its value");
  command->add_option("CONFIG", options->config, "YAML or JSON file")->required();
  command->add_option("--set", options->overrides, "section.key=value in place of what the file says; repeatable")
      ->allow_extra_args(false);
  command->footer("Example:\n  hone config show configs/miniature/r1_zero.yaml --set stage.steps=80");
  command->callback([options] {
    std::vector<std::string> absent;  // shown in any case
    fmt::print("{}", to_yaml(load_run_config(options->config, options->overrides, &absent)));
  });
}

void add_schema(CLI::App& config) {
  CLI::App* command = config.add_subcommand("schema", "Print a JSON Schema, with which editors check and complete");
  command->footer("Example:\n  hone config schema > hone.schema.json");
  command->callback([] {
    RunConfig run;
    fmt::print("{}", config_schema([&](ConfigVisitor& v) { describe(v, run); }));
  });
}

void add_keys(CLI::App& config) {
  struct Options {
    std::string prefix;
    bool json = false, markdown = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = config.add_subcommand("keys", "Print every key with type, default, range, unit and meaning");
  command->add_option("PREFIX", options->prefix, "Only keys that begin so: stage.grpo, or just grpo");
  CLI::Option* json = command->add_flag("--json", options->json, "As JSON");
  command->add_flag("--markdown", options->markdown, "As a Markdown table")->excludes(json);
  command->footer("Example:\n  hone config keys stage.sampling");
  command->callback([options] {
    const std::vector<ConfigKey> keys = select_keys(options->prefix);
    if (options->json) return print_json(keys);
    std::vector<Row> rows = {kHeadings};
    for (const ConfigKey& key : keys) rows.push_back(to_row(key));
    options->markdown ? print_markdown(rows) : print_table(rows);
  });
}

}  // namespace

void add_config(CLI::App& app, int&) {
  CLI::App* config = app.add_subcommand("config", "Show a config, or what there is to configure");
  config->require_subcommand(1);
  config->footer("Example:\n  hone config keys stage.grpo");
  add_show(*config);
  add_schema(*config);
  add_keys(*config);
}

}  // namespace hone::cli

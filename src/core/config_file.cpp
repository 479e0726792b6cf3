#include "hone/core/config_file.h"

#include <algorithm>
#include <charconv>

#include "config_node.h"
#include "config_reader.h"
#include "hone/core/file.h"
#include "hone/core/suggest.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxProblems = 100;

std::vector<std::string> split_key(std::string_view key) {
  if (key.empty()) return {};  // the whole file
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    parts.emplace_back(key.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<size_t> list_index(const std::string& part) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
  return index;
}

// The child that a key's part names, or null.
const ConfigNode::Entry* child(const ConfigNode& node, const std::string& part) {
  if (node.kind == ConfigNode::Kind::kMap) return node.find(part);
  const auto index = list_index(part);
  const bool inside = node.kind == ConfigNode::Kind::kList && index && *index < node.entries.size();
  return inside ? &node.entries[*index] : nullptr;
}

const ConfigNode* find_node(const ConfigNode& root, std::string_view key) {
  const ConfigNode* node = &root;
  for (const std::string& part : split_key(key)) {
    const ConfigNode::Entry* entry = child(*node, part);
    if (entry == nullptr) return nullptr;
    node = &entry->value;
  }
  return node;
}

// Whether the problem of one key makes a check of the other meaningless.
bool touches(std::string_view problem, std::string_view key) {
  const auto inside = [](std::string_view a, std::string_view b) {
    return a.empty() || (b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '.'));
  };
  return inside(problem, key) || inside(key, problem);
}

// ", did you mean 'x.yaml'?" for a file of the same folder and kind.
std::string similar_file(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path folder = path.parent_path();
  for (fs::directory_iterator it(folder.empty() ? "." : folder, error), end; !error && it != end && names.size() < 1000;
       it.increment(error)) {
    if (it->path().extension() == path.extension()) names.push_back(it->path().stem().string());
  }
  std::ranges::sort(names);
  const auto nearest = nearest_word(path.stem().string(), names);
  if (!nearest) return "";
  return fmt::format(", did you mean '{}'?", (folder / (*nearest + path.extension().string())).string());
}

std::string read_config_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const std::string place = printable(path.string(), 4096);
  HONE_CHECK(fs::exists(status), .what = "no such config file" + similar_file(path), .place = place);
  HONE_CHECK(!fs::is_directory(status), .what = "is a folder", .place = place, .got = {},
             .expected = "a YAML or JSON file");
  return read_file(path, kMaxConfigBytes);
}

}  // namespace

struct ConfigFile::State {
  std::shared_ptr<const std::string> source;
  ConfigNode root;
  std::vector<ConfigProblem> problems;
  std::vector<std::string> ignored;
  std::vector<std::string> other_lines;  ///< from files that could not be read at all
};

ConfigFile::ConfigFile(const fs::path& path) : ConfigFile(path.string(), read_config_file(path)) {}

ConfigFile::ConfigFile(const std::string& name, std::string text) : state_(std::make_unique<State>()) {
  state_->source = std::make_shared<const std::string>(printable(name, 4096));
  auto root = parse_config(std::move(text), state_->source, name.ends_with(".json"), state_->problems);
  if (!root) throw_problems();
  state_->root = std::move(*root);
  ConfigPlace& place = state_->root.place;
  if (state_->root.kind == ConfigNode::Kind::kNull) place = {.source = state_->source, .line = 1, .column = 1};
  if (state_->root.kind == ConfigNode::Kind::kMap) return;
  const bool empty = state_->root.kind == ConfigNode::Kind::kNull;
  state_->problems.push_back(
      {state_->root.place,
       {},
       {.what = empty ? "the file is empty" : "the file is not a map", .expected = "keys such as 'stage: ...'"}});
  throw_problems();
}

ConfigFile::~ConfigFile() = default;

bool ConfigFile::has(std::string_view key) const {
  return find_node(state_->root, key) != nullptr;
}

std::optional<std::string> ConfigFile::text(std::string_view key) const {
  const ConfigNode* node = find_node(state_->root, key);
  if (node == nullptr || node->kind != ConfigNode::Kind::kScalar) return std::nullopt;
  return node->text;
}

size_t ConfigFile::size(std::string_view key) const {
  const ConfigNode* node = find_node(state_->root, key);
  return node == nullptr ? 0 : node->entries.size();
}

std::vector<std::string> ConfigFile::keys(std::string_view key) const {
  std::vector<std::string> names;
  const ConfigNode* node = find_node(state_->root, key);
  if (node == nullptr || node->kind != ConfigNode::Kind::kMap) return names;
  for (const ConfigNode::Entry& entry : node->entries) names.push_back(entry.key);
  return names;
}

void ConfigFile::include(std::string_view key, const ConfigFile& other, std::string_view from, std::string_view keep) {
  auto* node = const_cast<ConfigNode*>(find_node(state_->root, key));
  const ConfigNode* value = find_node(other.state_->root, from);
  if (other.has_problems()) {
    for (ConfigProblem problem : other.state_->problems) {
      problem.path = key;
      state_->problems.push_back(std::move(problem));
    }
    return ignore(key);
  }
  HONE_ASSERT(node != nullptr && value != nullptr);
  ConfigNode included = *value;
  std::erase_if(included.entries, [&](const ConfigNode::Entry& entry) { return entry.key == keep; });
  if (const ConfigNode::Entry* kept = node->find(keep)) included.entries.push_back(*kept);
  *node = std::move(included);
}

void ConfigFile::ignore(std::string_view key) {
  auto* node = const_cast<ConfigNode*>(find_node(state_->root, key));
  HONE_ASSERT(node != nullptr);
  node->ignored = true;
  state_->ignored.emplace_back(key);
}

void ConfigFile::set(const std::string& assignment) {
  const auto source = std::make_shared<const std::string>("--set " + printable(assignment, 100));
  const ConfigPlace place{.source = source};
  const auto fail = [&](const std::string& key, const Problem& problem) {
    state_->problems.push_back({place, key, problem});
  };
  const size_t equals = assignment.find('=');
  const std::string key = assignment.substr(0, equals);
  const std::vector<std::string> parts = split_key(key);
  const bool well_formed =
      !parts.empty() && std::ranges::none_of(parts, [](const std::string& part) { return part.empty(); });
  if (equals == std::string::npos || !well_formed || parts.size() > kMaxConfigDepth) {
    return fail("--set", {.what = "not an override", .expected = "section.key=value"});
  }
  auto value = parse_config(assignment.substr(equals + 1), source, false, state_->problems);
  if (!value) return;
  value->place = place;

  ConfigNode* node = &state_->root;
  std::string path;
  for (size_t i = 0; i < parts.size(); ++i) {
    // A missing or empty section is made; whether it is a list shows in the key.
    if (node->kind == ConfigNode::Kind::kNull) {
      node->kind = list_index(parts[i]) ? ConfigNode::Kind::kList : ConfigNode::Kind::kMap;
      node->place = place;
    }
    if (node->kind == ConfigNode::Kind::kScalar) {
      return fail(path, {.what = fmt::format("'{}' is a value, not a section", path)});
    }
    const ConfigNode::Entry* entry = child(*node, parts[i]);
    if (entry == nullptr) {
      const bool list = node->kind == ConfigNode::Kind::kList;
      if (list && list_index(parts[i]) != node->entries.size()) {
        return fail(path, {.what = fmt::format("'{}' has {} elements", path, node->entries.size()),
                           .got = printable(parts[i]),
                           .expected = fmt::format("a number from 0 to {}, the last one to add an element",
                                                   node->entries.size())});
      }
      node->entries.push_back({list ? "" : parts[i], place, {.text = {}, .place = place, .entries = {}}});
      entry = &node->entries.back();
    }
    path += (path.empty() ? "" : ".") + printable(parts[i]);
    node = const_cast<ConfigNode*>(&entry->value);
  }
  *node = std::move(*value);
}

void ConfigFile::read(const DescribeConfig& describe, const DescribeConfig& prototype) {
  std::vector<std::string> known;
  for (ConfigKey& key : config_keys(prototype)) known.push_back(std::move(key.path));
  ConfigReader reader(state_->root, known, state_->problems);
  describe(reader);
  reader.finish();
}

void ConfigFile::report(std::string_view key, const Problem& problem) {
  const ConfigNode* node = &state_->root;
  ConfigPlace place = node->place;
  for (const std::string& part : split_key(key)) {
    const ConfigNode::Entry* entry = child(*node, part);
    if (entry == nullptr) break;
    node = &entry->value;
    // A value says more than its key, but a section begins at its key.
    place = node->entries.empty() || entry->key.empty() ? node->place : entry->place;
  }
  state_->problems.push_back({place, std::string(key), problem});
}

void ConfigFile::report(const Error& error) {
  state_->other_lines.emplace_back(error.what());
}

bool ConfigFile::sound(std::initializer_list<std::string> keys) const {
  return std::ranges::none_of(keys, [&](const std::string& key) {
    return std::ranges::any_of(state_->ignored, [&](const std::string& path) { return touches(path, key); }) ||
           std::ranges::any_of(state_->problems, [&](const ConfigProblem& p) { return touches(p.path, key); });
  });
}

bool ConfigFile::has_problems() const {
  return !state_->problems.empty() || !state_->other_lines.empty();
}

void ConfigFile::throw_problems() const {
  if (!has_problems()) return;
  // In the order of each file: this one, then other files and overrides as they were first found wrong.
  std::vector<const std::string*> sources = {state_->source.get()};
  const auto rank = [&](const ConfigProblem& problem) {
    return std::ranges::find(sources, problem.place.source.get()) - sources.begin();
  };
  std::vector<ConfigProblem> sorted = state_->problems;
  for (const ConfigProblem& problem : sorted) {
    if (rank(problem) == std::ssize(sources)) sources.push_back(problem.place.source.get());
  }
  std::ranges::stable_sort(sorted, {}, [&](const ConfigProblem& problem) {
    return std::tuple(rank(problem), problem.place.line, problem.place.column);
  });
  std::string lines;
  for (size_t i = 0; i < std::min(sorted.size(), kMaxProblems); ++i) {
    Problem problem = sorted[i].problem;
    problem.place = sorted[i].place.text();
    lines += (lines.empty() ? "" : "\n") + to_line(problem);
  }
  if (sorted.size() > kMaxProblems) lines += fmt::format("\n... and {} more", sorted.size() - kMaxProblems);
  for (const std::string& line : state_->other_lines) lines += (lines.empty() ? "" : "\n") + line;
  throw Error(ErrorKind::kInput, lines);
}

}  // namespace hone

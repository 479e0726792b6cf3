#include "config_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "config_value.h"
#include "hone/core/suggest.h"

namespace hone {
namespace {

std::string shown(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return "null";
    case ConfigNode::Kind::kList:
      return "a list";
    case ConfigNode::Kind::kMap:
      return "a map";
    case ConfigNode::Kind::kScalar:
      break;
  }
  return fmt::format("{}{}{}", node.quoted ? "the text \"" : "'", printable(node.text), node.quoted ? "\"" : "'");
}

// YAML 1.2 core schema, decimal only.
template <class T>
bool parse_number(std::string_view text, std::string_view characters, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of(characters) != std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}
bool parse(const ConfigNode& node, int64_t& value) {
  return parse_number(node.text, "-0123456789", value);
}
bool parse(const ConfigNode& node, double& value) {
  return parse_number(node.text, "+-.eE0123456789", value);
}

bool parse(const ConfigNode& node, bool& value) {
  value = node.text == "true" || node.text == "True" || node.text == "TRUE";
  return value || node.text == "false" || node.text == "False" || node.text == "FALSE";
}

bool within(const Range& range, double value) {
  return value <= range.max && (range.min_excluded ? value > range.min : value >= range.min);
}
Range integer_range(Range range) {
  range.min = std::max(range.min, -kMaxCount);
  if (std::isinf(range.max)) range.max = kMaxCount;
  return range;
}

// Stores the value of a node in a slot; false when it does not fit. `hint` explains where the type alone does not.
struct Storing {
  const ConfigNode& node;
  const Field& field;
  std::string& hint;

  template <class T>
  bool number(T* value, const Range& range) const {
    T parsed{};
    if (node.kind != ConfigNode::Kind::kScalar || !parse(node, parsed)) return false;
    if (node.quoted) return hint = "remove the quotes", false;
    const bool fits = within(range, static_cast<double>(parsed));
    if (fits) *value = parsed;
    return fits;
  }
  bool operator()(int64_t* value) const {
    const bool stored = number(value, integer_range(field.range));
    int64_t parsed = 0;
    if (!stored && parse(node, parsed) && within(field.range, static_cast<double>(parsed)) && hint.empty()) {
      hint = fmt::format("at most {}", static_cast<int64_t>(kMaxCount));
    }
    return stored;
  }
  bool operator()(double* value) const { return number(value, field.range); }
  bool operator()(bool* value) const {
    if (node.kind != ConfigNode::Kind::kScalar) return false;
    bool parsed = false;
    if (parse(node, parsed) && !node.quoted) return *value = parsed, true;
    if (node.quoted && parse(node, parsed)) hint = "remove the quotes";
    static constexpr std::string_view kYes[] = {"yes", "Yes", "YES", "on", "On", "ON", "y", "Y", "1"};
    static constexpr std::string_view kNo[] = {"no", "No", "NO", "off", "Off", "OFF", "n", "N", "0"};
    if (std::ranges::count(kYes, node.text)) hint = "write true";
    if (std::ranges::count(kNo, node.text)) hint = "write false";
    return false;
  }
  bool operator()(std::string* value) const {
    if (node.kind != ConfigNode::Kind::kScalar) return false;
    *value = node.text;
    return true;
  }
  bool operator()(std::vector<std::string>* value) const {
    if (node.kind != ConfigNode::Kind::kList) return false;
    std::vector<std::string> texts;
    for (const ConfigNode::Entry& entry : node.entries) {
      if (entry.value.kind != ConfigNode::Kind::kScalar) return hint = "one element is " + shown(entry.value), false;
      texts.push_back(entry.value.text);
    }
    *value = std::move(texts);
    return true;
  }
  bool operator()(const Choice& choice) const {
    if (node.kind != ConfigNode::Kind::kScalar) return false;
    const auto found = std::ranges::find(choice.names, node.text);
    if (found != choice.names.end()) return *choice.index = static_cast<size_t>(found - choice.names.begin()), true;
    const std::vector<std::string> names(choice.names.begin(), choice.names.end());
    if (const auto nearest = nearest_word(node.text, names)) hint = "did you mean '" + *nearest + "'?";
    return false;
  }
};

}  // namespace

ConfigReader::ConfigReader(const ConfigNode& root, const std::vector<std::string>& known,
                           std::vector<ConfigProblem>& problems)
    : known_(known), problems_(problems) {
  levels_.push_back({.node = &root, .place = root.place, .path = {}});
}

void ConfigReader::finish() {
  end_section();
}

std::string ConfigReader::join(std::string_view name) const {
  const std::string& path = levels_.back().path;
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

void ConfigReader::report(const ConfigPlace& place, const std::string& path, const Problem& problem) {
  problems_.push_back({place, path, problem});
}

const ConfigNode::Entry* ConfigReader::take(std::string_view name) {
  Level& level = levels_.back();
  level.keys.emplace_back(name);
  return level.node == nullptr ? nullptr : level.node->find(name);
}

void ConfigReader::missing(const Field& field, const std::string& expected) {
  report(levels_.back().place, join(field.name),
         {.what = fmt::format("missing key '{}'", join(field.name)), .expected = expected});
}

void ConfigReader::on_value(const Field& field, const Slot& slot, bool* present) {
  const bool optional = present != nullptr;
  const ConfigNode::Entry* entry = take(field.name);
  if (entry == nullptr) {
    if (field.required) missing(field, expected_text(field, slot, optional));
    return;
  }
  if (optional && entry->value.kind == ConfigNode::Kind::kNull) {
    *present = false;
    return;
  }
  std::string hint;
  if (std::visit(Storing{entry->value, field, hint}, slot)) {
    if (optional) *present = true;
    return;
  }
  report(entry->value.place, join(field.name),
         {.what = join(field.name),
          .got = shown(entry->value),
          .expected = expected_text(field, slot, optional),
          .hint = hint});
}

bool ConfigReader::open_map(const ConfigNode* node, const ConfigPlace& place, const std::string& path,
                            bool null_is_empty) {
  const bool null = node != nullptr && node->kind == ConfigNode::Kind::kNull;
  if (node != nullptr && node->kind != ConfigNode::Kind::kMap && !(null && null_is_empty)) {
    report(node->place, path, {.what = path, .got = shown(*node), .expected = "a map of keys"});
    return false;
  }
  levels_.push_back({.node = node, .place = place, .path = path});
  return true;
}

bool ConfigReader::begin_section(const Field& field) {
  const ConfigNode::Entry* entry = take(field.name);
  if (entry == nullptr) return open_map(nullptr, levels_.back().place, join(field.name), true);
  return open_map(&entry->value, entry->place, join(field.name), true);
}

void ConfigReader::end_section() {
  const Level& level = levels_.back();
  if (level.node != nullptr && level.keys_complete) {
    for (const ConfigNode::Entry& entry : level.node->entries) {
      if (!std::ranges::count(level.keys, entry.key)) report_unknown(entry);
    }
  }
  levels_.pop_back();
}

// The same key of another section says more than a similar one of this section.
std::string ConfigReader::meant_key(const std::string& key, const std::string& path) const {
  for (std::string other : known_) {
    if (!other.ends_with("." + key) && other != key) continue;
    // Known keys begin with "stage" where this file may have "stages.1".
    if (path.starts_with("stages.") && other.starts_with("stage.")) {
      other.replace(0, 5, path.substr(0, path.find('.', 7)));
    }
    return other;
  }
  const auto sibling = nearest_word(key, levels_.back().keys);
  return sibling ? join(*sibling) : "";
}

void ConfigReader::report_unknown(const ConfigNode::Entry& entry) {
  const std::string path = join(printable(entry.key)), meant = meant_key(entry.key, path);
  const std::string hint = meant.empty()   ? ""
                           : meant == path ? ", which belongs to another type"
                                           : fmt::format(", did you mean '{}'?", meant);
  // That the key which was meant is missing goes without saying.
  std::erase_if(problems_, [&](const ConfigProblem& problem) {
    return problem.path == meant && problem.problem.what == fmt::format("missing key '{}'", meant);
  });
  report(entry.place, path, {.what = fmt::format("unknown key '{}'{}", path, hint)});
}

size_t ConfigReader::begin_list(const Field& field, std::string_view single, size_t) {
  const ConfigNode::Entry* many = take(field.name);
  const ConfigNode::Entry* one = single.empty() ? nullptr : take(single);
  const std::string path = join(field.name);
  const Level& above = levels_.back();
  if (one != nullptr && many != nullptr) {
    report(many->place, path,
           {.what = fmt::format("both '{}' and '{}' are given", join(single), path), .expected = "one of them"});
    levels_.push_back({});
    return 0;
  }
  if (one != nullptr) {
    levels_.push_back({.node = &one->value, .place = one->place, .path = join(single), .single = true});
    return 1;
  }
  const bool absent = many == nullptr || many->value.kind == ConfigNode::Kind::kNull ||
                      (many->value.kind == ConfigNode::Kind::kList && many->value.entries.empty());
  if (absent && !field.required) {
    levels_.push_back({});
    return 0;
  }
  if (many == nullptr || many->value.kind != ConfigNode::Kind::kList || many->value.entries.empty()) {
    if (many == nullptr && single.empty()) {
      missing(field, "a list of maps");
    } else if (many == nullptr) {
      report(above.place, join(single),
             {.what = fmt::format("missing key '{}'", join(single)), .expected = "a map of keys"});
    } else {
      const bool empty = many->value.kind == ConfigNode::Kind::kList;
      report(many->value.place, path,
             {.what = path,
              .got = empty ? "an empty list" : shown(many->value),
              .expected = empty ? "at least one element" : "a list of maps"});
    }
    levels_.push_back({});
    return 0;
  }
  levels_.push_back({.node = &many->value, .place = many->place, .path = path});
  return many->value.entries.size();
}

bool ConfigReader::begin_element(size_t index) {
  const Level& list = levels_.back();
  if (list.single) return open_map(list.node, list.place, list.path, true);
  const ConfigNode& element = list.node->entries[index].value;
  return !element.ignored && open_map(&element, element.place, join(std::to_string(index)), false);
}

void ConfigReader::end_list() {
  levels_.pop_back();
}

std::vector<size_t> ConfigReader::begin_tagged(const Field& field, std::span<const std::string_view> names, size_t) {
  const ConfigNode::Entry* entry = take(field.name);
  size_t index = 0;
  const Choice choice{names, &index};
  std::string hint;
  if (entry != nullptr && std::visit(Storing{entry->value, field, hint}, Slot(choice))) return {index};
  levels_.back().keys_complete = false;
  const std::string expected = expected_text(field, choice, false);
  if (entry == nullptr) {
    missing(field, expected);
  } else {
    report(entry->value.place, join(field.name),
           {.what = join(field.name), .got = shown(entry->value), .expected = expected, .hint = hint});
  }
  return {};
}

}  // namespace hone

#include "config_node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

namespace hone {
namespace {

// Length of the UTF-8 sequence at `i` (RFC 3629: no overlong forms, surrogates or values over 10FFFF), or 0.
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
  const auto follows = [&](size_t k, unsigned low, unsigned high) { return byte(k) >= low && byte(k) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// JSON writes characters outside the basic plane as two \u escapes, which YAML refuses; it has one \U escape for them,
// two characters shorter (later columns of that line are off by as much).
std::string join_surrogates(std::string_view text) {
  std::string joined;
  const auto unit = [&](size_t i) {
    unsigned value = 0;
    if (text.substr(i, 2) != "\\u" || i + 6 > text.size()) return value;
    const auto [end, error] = std::from_chars(text.data() + i + 2, text.data() + i + 6, value, 16);
    return end == text.data() + i + 6 ? value : 0u;
  };
  for (size_t i = 0; i < text.size();) {
    const unsigned high = unit(i);
    if (high >= 0xD800 && high < 0xDC00) {
      const unsigned low = unit(i + 6);
      if (low >= 0xDC00 && low < 0xE000) {
        joined += fmt::format("\\U{:08X}", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        i += 12;
        continue;
      }
    }
    const size_t length = text[i] == '\\' ? 2 : 1;  // an escaped backslash does not begin an escape
    joined += text.substr(i, length);
    i += length;
  }
  return joined;
}

// Leaves the parser at the first thing that makes the rest of the file useless.
struct Stop {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::shared_ptr<const std::string>& source, bool has_lines,
              std::vector<ConfigProblem>& problems)
      : text_(text), source_(source), has_lines_(has_lines), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    report(place(mark), {}, {.what = "more text after the end of the document", .expected = "one document"});
    throw Stop{};
  }
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    add(mark, "", 0, ConfigNode::Kind::kNull);
    report(place(mark), {}, {.what = "aliases (*name) are not supported", .hint = "write the value out"});
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, "", anchor, ConfigNode::Kind::kNull);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool quoted = tag == "!";
    if (quoted) check_closed(mark);
    if (stack_.empty() || stack_.back().node->kind == ConfigNode::Kind::kList || stack_.back().has_key) {
      ConfigNode& node = add(mark, quoted ? "" : tag, anchor, ConfigNode::Kind::kScalar);
      node.text = value;
      node.quoted = quoted;
    } else {
      count(mark);
      check_plain(mark, quoted ? "" : tag, anchor);
      set_key(mark, value);
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  ConfigPlace place(const YAML::Mark& mark) {
    if (!has_lines_ || mark.is_null()) return {.source = source_};
    // The parser's columns count bytes; people count characters. Marks mostly advance, so that counting goes on from
    // the one before.
    const size_t end = std::min(static_cast<size_t>(mark.pos), text_.size());
    if (mark.line != counted_line_ || end < counted_end_) {
      counted_line_ = mark.line;
      counted_end_ = end - std::min(end, static_cast<size_t>(mark.column));
      continuation_bytes_ = 0;
    }
    for (; counted_end_ < end; ++counted_end_) {
      continuation_bytes_ += (static_cast<unsigned char>(text_[counted_end_]) & 0xC0) == 0x80;
    }
    return {.source = source_, .line = mark.line + 1, .column = mark.column + 1 - continuation_bytes_};
  }
  // Ends the tree; call when the whole text was read.
  ConfigNode finish() {
    problems_.insert(problems_.end(), odd_keys_.begin(), odd_keys_.end());
    return std::move(root_);
  }
  void report_syntax(const YAML::Exception& error) {
    static constexpr std::pair<std::string_view, std::string_view> kHints[] = {
        {"illegal map value", "put text that holds ': ' in quotes, and check the indentation"},
        {"end of map not found", "check the indentation"},
        {"illegal tab when looking for indentation", "indent with spaces"},
        {"unknown token", "put text that begins with @, % or ` in quotes"}};
    Problem problem{.what = "not valid YAML: " + printable(error.msg, 200)};
    for (const auto& [message, hint] : kHints) {
      if (error.msg == message) problem.hint = hint;
    }
    if (!error.msg.ends_with("flow not found") || stack_.empty()) return report(place(error.mark), {}, problem);
    const bool list = error.msg.starts_with("end of sequence");
    problem.what = fmt::format("not valid YAML: the '{}' has no '{}'", list ? '[' : '{', list ? ']' : '}');
    report(stack_.back().node->place, {}, problem);
  }

 private:
  struct Level {
    ConfigNode* node;
    std::string path;
    std::set<std::string> keys{};
    bool has_key = false;
    std::string key{};
    ConfigPlace key_place{};
    bool dropped = false;  // the value to come has a key that cannot be
  };

  void report(const ConfigPlace& at, const std::string& path, const Problem& problem) {
    problems_.push_back({at, path, problem});
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ <= kMaxConfigNodes) return;
    report(place(mark), {}, {.what = "too many values", .expected = fmt::format("at most {}", kMaxConfigNodes)});
    throw Stop{};
  }

  void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) {
      report(place(mark), {}, {.what = "anchors (&name) are not supported", .hint = "write the value out"});
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      report(place(mark), {}, {.what = fmt::format("tags (!name) are not supported: got {}", printable(tag))});
    }
  }

  // yaml-cpp takes the end of the file for a closing quote.
  void check_closed(const YAML::Mark& mark) {
    auto at = static_cast<size_t>(std::max(mark.pos, 0));
    if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return;  // a block scalar
    const char quote = text_[at];
    for (++at; at < text_.size(); ++at) {
      const bool escape = quote == '"' ? text_[at] == '\\' : text_.substr(at, 2) == "''";
      if (!escape && text_[at] == quote) return;
      if (escape) ++at;
    }
    report(place(mark), {}, {.what = "not valid YAML: the closing quote is missing"});
    throw Stop{};
  }

  ConfigNode& add(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, ConfigNode::Kind kind) {
    count(mark);
    check_plain(mark, tag, anchor);
    ConfigNode node{.kind = kind, .text = {}, .place = place(mark), .entries = {}};
    if (stack_.empty()) {
      root_ = std::move(node);
      return root_;
    }
    Level& level = stack_.back();
    if (level.node->kind == ConfigNode::Kind::kMap && !level.has_key) {
      // Kept back: before an unclosed bracket the parser takes lists for keys, and the bracket is the true error.
      odd_keys_.push_back({place(mark), level.path, {.what = "a key must be text"}});
      level.has_key = level.dropped = true;  // its value is dropped too
      dropped_.push_back(std::make_unique<ConfigNode>(std::move(node)));
      return *dropped_.back();
    }
    if (level.dropped) {
      dropped_.push_back(std::make_unique<ConfigNode>(std::move(node)));
    } else {
      level.node->entries.push_back({level.key, level.key_place, std::move(node)});
    }
    ConfigNode& added = level.dropped ? *dropped_.back() : level.node->entries.back().value;
    level.has_key = false;
    level.dropped = false;
    return added;
  }

  void set_key(const YAML::Mark& mark, const std::string& key) {
    Level& level = stack_.back();
    level.key = key;
    level.key_place = place(mark);
    level.has_key = true;
    if (level.keys.insert(key).second) return;
    level.dropped = true;
    const ConfigPlace first = level.node->find(key)->place;
    const std::string where = has_lines_ ? fmt::format("; the first is at line {}", first.line) : "";
    const std::string path = join(level.path, key);
    report(place(mark), path, {.what = fmt::format("duplicate key '{}'{}", printable(path), where)});
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, ConfigNode::Kind kind) {
    if (stack_.size() >= kMaxConfigDepth) {
      report(place(mark), {}, {.what = fmt::format("nested deeper than {} levels", kMaxConfigDepth)});
      throw Stop{};
    }
    std::string path;
    if (!stack_.empty()) {
      const Level& above = stack_.back();
      const bool list = above.node->kind == ConfigNode::Kind::kList;
      path = join(above.path, list ? std::to_string(above.node->entries.size()) : above.key);
    }
    ConfigNode& node = add(mark, tag, anchor, kind);
    stack_.push_back({.node = &node, .path = std::move(path)});
  }

  void close() { stack_.pop_back(); }

  static std::string join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  ConfigNode root_;
  std::string_view text_;
  std::shared_ptr<const std::string> source_;
  bool has_lines_;
  std::vector<ConfigProblem>& problems_;
  std::vector<Level> stack_;
  std::vector<std::unique_ptr<ConfigNode>> dropped_;  // values without a place in the tree, read for their errors only
  std::vector<ConfigProblem> odd_keys_;
  size_t nodes_ = 0;
  int counted_line_ = -1;
  size_t counted_end_ = 0;
  int continuation_bytes_ = 0;  // in counted_line_, before counted_end_
  int documents_ = 0;
};

// Bytes that are no text, or that yaml-cpp would take for something else (it reads U+0004 as the end of the file).
std::optional<std::pair<size_t, std::string>> find_bad_byte(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    if (length == 0) return {{i, "not UTF-8 text"}};
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return {{i, "a carriage return ends no line here"}};
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      return {{i, fmt::format("the control character U+{:04X} is not allowed", c)}};
    }
    i += length;
  }
  return std::nullopt;
}

YAML::Mark mark_at(std::string_view text, size_t position) {
  YAML::Mark mark;
  mark.pos = static_cast<int>(position);
  mark.line = static_cast<int>(std::count(text.begin(), text.begin() + mark.pos, '\n'));
  const size_t newline = text.substr(0, position).rfind('\n');
  mark.column = static_cast<int>(newline == std::string_view::npos ? position : position - newline - 1);
  return mark;
}

}  // namespace

std::string ConfigPlace::text() const {
  return line == 0 ? *source : fmt::format("{}:{}:{}", *source, line, column);
}

const ConfigNode::Entry* ConfigNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return kind == Kind::kMap && found != entries.end() ? &*found : nullptr;
}

ConfigNode::Entry* ConfigNode::find(std::string_view key) {
  return const_cast<Entry*>(std::as_const(*this).find(key));
}

std::string printable(std::string_view text, size_t max_bytes) {
  std::string shown;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    if (shown.size() + length > max_bytes) return shown + "...";
    const auto c = static_cast<unsigned char>(text[i]);
    if (length == 0 || c < 0x20 || c == 0x7F) {
      shown += '?';
    } else {
      shown += text.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  return shown;
}

std::optional<ConfigNode> parse_config(std::string text, const std::shared_ptr<const std::string>& source, bool json,
                                       std::vector<ConfigProblem>& problems) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (json) text = join_surrogates(text);
  const bool has_lines = !source->starts_with("--set ");
  TreeBuilder builder(text, source, has_lines, problems);
  if (const auto bad = find_bad_byte(text)) {
    problems.push_back({builder.place(mark_at(text, bad->first)), {}, {.what = bad->second}});
    return std::nullopt;
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.finish();
  } catch (const YAML::Exception& error) {
    builder.report_syntax(error);
  } catch (const Stop&) {
  }
  return std::nullopt;
}

}  // namespace hone

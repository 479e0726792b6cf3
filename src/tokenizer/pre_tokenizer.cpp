#include "pre_tokenizer.h"

#include <algorithm>

#include "byte_level.h"
#include "characters.h"
#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"

namespace hone {
namespace {

enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// A part of a piece: a match or what lies between matches.
struct Part {
  Range range;
  bool is_match;
};

void merge(const std::vector<Part>& parts, Behavior behavior, std::vector<Range>& out) {
  const size_t first = out.size();
  bool previous = false;  // whether the part before this one was a match
  const auto take = [&](const Part& part, bool joins) {
    if (joins && out.size() > first) {
      out.back() = {std::min(out.back().begin, part.range.begin), std::max(out.back().end, part.range.end)};
    } else {
      out.push_back(part.range);
    }
    previous = part.is_match;
  };
  switch (behavior) {
    case Behavior::kRemoved:
      for (const Part& part : parts) {
        if (!part.is_match) out.push_back(part.range);
      }
      break;
    case Behavior::kIsolated:
      for (const Part& part : parts) out.push_back(part.range);
      break;
    case Behavior::kContiguous:
      for (const Part& part : parts) take(part, part.is_match == previous);
      break;
    case Behavior::kMergedWithPrevious:
      for (const Part& part : parts) take(part, part.is_match && !previous);
      break;
    case Behavior::kMergedWithNext:
      for (size_t i = parts.size(); i-- > 0;) take(parts[i], parts[i].is_match && !previous);
      std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
  }
}

/// Cuts every piece where `find(view, add)` finds matches; it calls add(Range) for each, from left to right.
template <typename Find>
void split(Pieces& pieces, Behavior behavior, bool invert, Find find) {
  std::vector<Range> ranges;
  std::vector<Part> parts;
  for (const Range piece : pieces.ranges) {
    parts.clear();
    size_t from = piece.begin;
    find(pieces.view(piece), [&](Range match) {
      const Range whole{piece.begin + match.begin, piece.begin + match.end};
      if (from != whole.begin) parts.push_back({{from, whole.begin}, invert});
      parts.push_back({whole, !invert});
      from = whole.end;
    });
    if (from != piece.end) parts.push_back({{from, piece.end}, invert});
    merge(parts, behavior, ranges);
  }
  std::erase_if(ranges, [](Range r) { return r.begin == r.end; });
  pieces.ranges = std::move(ranges);
}

/// Calls add for every character of the kind.
template <typename IsKind>
auto each_character(IsKind is_kind) {
  return [is_kind](std::string_view text, auto add) {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (is_kind(next_code_point(text, at))) add(Range{begin, at});
    }
  };
}

/// Writes every piece anew; `write(view, first, out)` appends it. `first`: it stands where the text begins.
template <typename Write>
void rewrite(Pieces& pieces, Write write) {
  const bool starts_text = pieces.starts_text && !pieces.ranges.empty() && pieces.ranges.front().begin == 0;
  std::string out;
  out.reserve(pieces.text.size() * 2);
  bool first = starts_text;
  for (Range& range : pieces.ranges) {
    const size_t begin = out.size();
    write(pieces.view(range), first, out);
    range = {begin, out.size()};
    first = false;
  }
  pieces.text = std::move(out);
  pieces.starts_text = starts_text;
}

class Split : public PreTokenizer {
 public:
  Split(Pattern pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void apply(Pieces& pieces) const override {
    split(pieces, behavior_, invert_, [this](std::string_view text, auto add) { pattern_.for_each_match(text, add); });
  }

 private:
  const Pattern pattern_;
  const Behavior behavior_;
  const bool invert_;
};

/// Cuts at characters of a kind.
template <typename IsKind>
class SplitAtCharacters : public PreTokenizer {
 public:
  SplitAtCharacters(IsKind is_kind, Behavior behavior) : is_kind_(is_kind), behavior_(behavior) {}
  void apply(Pieces& pieces) const override { split(pieces, behavior_, false, each_character(is_kind_)); }

 private:
  const IsKind is_kind_;
  const Behavior behavior_;
};

template <typename IsKind>
std::unique_ptr<PreTokenizer> split_at(IsKind is_kind, Behavior behavior) {
  return std::make_unique<SplitAtCharacters<IsKind>>(is_kind, behavior);
}

/// Runs of word characters and runs of what is neither word nor white space: \w+|[^\w\s]+.
class Whitespace : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    split(pieces, Behavior::kRemoved, /*invert=*/true, [](std::string_view text, auto add) {
      enum Kind { kSpace, kWord, kOther };
      size_t begin = 0;
      Kind kind = kSpace;
      for (size_t at = 0; at < text.size();) {
        const size_t here = at;
        const char32_t c = next_code_point(text, at);
        const Kind next = is_word_character(c) ? kWord : is_white_space(c) ? kSpace : kOther;
        if (next == kind) continue;
        if (kind != kSpace) add(Range{begin, here});
        begin = here;
        kind = next;
      }
      if (kind != kSpace) add(Range{begin, text.size()});
    });
  }
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, std::optional<Regex> pattern)
      : add_prefix_space_(add_prefix_space), pattern_(std::move(pattern)) {}

  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) {
      rewrite(pieces, [](std::string_view text, bool, std::string& out) {
        if (!text.starts_with(' ')) out += ' ';
        out += text;
      });
    }
    if (pattern_) {
      split(pieces, Behavior::kIsolated, false,
            [this](std::string_view text, auto add) { pattern_->for_each_match(text, add); });
    }
    rewrite(pieces, [&](std::string_view text, bool, std::string& out) {
      append_byte_level(pieces.escaped ? unescape_bytes(text) : text, out);
    });
  }

 private:
  const bool add_prefix_space_;
  const std::optional<Regex> pattern_;
};

class Metaspace : public PreTokenizer {
 public:
  enum class Prepend { kAlways, kFirst, kNever };

  Metaspace(std::string replacement, Prepend prepend, bool splits)
      : replacement_(std::move(replacement)), prepend_(prepend), splits_(splits) {}

  void apply(Pieces& pieces) const override {
    const Pattern space(" ");
    rewrite(pieces, [&](std::string_view text, bool first, std::string& out) {
      const bool prepends = prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && first);
      if (prepends && !text.starts_with(' ') && !text.starts_with(replacement_)) out += replacement_;
      out += space.replaced(text, replacement_);
    });
    if (!splits_) return;
    split(pieces, Behavior::kMergedWithNext, false,
          [this](std::string_view text, auto add) { Pattern(replacement_).for_each_match(text, add); });
  }

 private:
  const std::string replacement_;
  const Prepend prepend_;
  const bool splits_;
};

class Chain : public PreTokenizer {
 public:
  explicit Chain(std::vector<std::unique_ptr<PreTokenizer>> parts) : parts_(std::move(parts)) {}
  void apply(Pieces& pieces) const override {
    for (const auto& part : parts_) part->apply(pieces);
  }

 private:
  const std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

Behavior read_behavior(const Node& node) {
  const std::string name = node.text();
  std::string lower;
  for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::erase(lower, '_');
  if (lower == "removed") return Behavior::kRemoved;
  if (lower == "isolated") return Behavior::kIsolated;
  if (lower == "mergedwithprevious") return Behavior::kMergedWithPrevious;
  if (lower == "mergedwithnext") return Behavior::kMergedWithNext;
  if (lower == "contiguous") return Behavior::kContiguous;
  node.refuse("is not supported", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

std::unique_ptr<PreTokenizer> read_metaspace(const Node& node) {
  const Node replacement = node["replacement"], scheme = node["prepend_scheme"], old = node["add_prefix_space"];
  if (replacement.text().empty() || character_bytes(replacement.text(), 0) != replacement.text().size()) {
    replacement.refuse("is not one character");
  }
  // Before there was a scheme, add_prefix_space said whether there is a prefix.
  const bool prefix = old.boolean_or(true);
  const std::string name = scheme.text_or(prefix ? "always" : "never");
  if (!prefix && name != "never") old.refuse("contradicts prepend_scheme");
  Metaspace::Prepend prepend = Metaspace::Prepend::kAlways;
  if (name == "first") prepend = Metaspace::Prepend::kFirst;
  if (name == "never") prepend = Metaspace::Prepend::kNever;
  if (name != "always" && name != "first" && name != "never") {
    scheme.refuse("is not supported", "always, first or never");
  }
  return std::make_unique<Metaspace>(replacement.text(), prepend, node["split"].boolean_or(true));
}

}  // namespace

std::unique_ptr<PreTokenizer> make_byte_level(const std::string& pattern, bool add_prefix_space) {
  return std::make_unique<ByteLevel>(add_prefix_space, Regex(pattern));
}

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const Node& node) {
  if (node.is_null()) return nullptr;
  const std::string type = node["type"].text();
  if (type == "Split") {
    return std::make_unique<Split>(Pattern(node["pattern"]), read_behavior(node["behavior"]),
                                   node["invert"].boolean_or(false));
  }
  if (type == "ByteLevel") {
    const bool uses_regex = node["use_regex"].boolean_or(true);
    return std::make_unique<ByteLevel>(node["add_prefix_space"].boolean_or(true),
                                       uses_regex ? std::optional(Regex(kGpt2Pattern)) : std::nullopt);
  }
  if (type == "Digits") {
    return split_at(is_numeric,
                    node["individual_digits"].boolean_or(false) ? Behavior::kIsolated : Behavior::kContiguous);
  }
  if (type == "Metaspace") return read_metaspace(node);
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  if (type == "WhitespaceSplit") return split_at(is_white_space, Behavior::kRemoved);
  if (type == "Punctuation") {
    return split_at(is_punctuation, node["behavior"].is_null() ? Behavior::kIsolated : read_behavior(node["behavior"]));
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<PreTokenizer>> parts;
    for (const Node& part : node["pretokenizers"].elements()) parts.push_back(read_pre_tokenizer(part));
    std::erase(parts, nullptr);
    return std::make_unique<Chain>(std::move(parts));
  }
  node["type"].refuse("is not supported",
                      "Split, ByteLevel, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation or Sequence");
}

}  // namespace hone

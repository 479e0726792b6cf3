#include "normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "characters.h"
#include "hone/core/base64.h"
#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"
#include "regex.h"

namespace hone {
namespace {

// NFC, NFD, NFKC or NFKD. The library's own function sorts a run of n marks in n^2 steps, so the runs are sorted here.
class UnicodeForm : public Normalizer {
 public:
  UnicodeForm(bool compose, bool compatibility)
      : compose_(compose),
        decompose_(static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                  (compatibility ? UTF8PROC_COMPAT : 0))) {}

  bool apply(std::string& text) const override {
    if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
      return false;
    }
    std::vector<utf8proc_int32_t> characters;
    characters.reserve(text.size() + kLongest);
    size_t run = 0;  // where the run of marks begins
    for (size_t at = 0; at < text.size();) {
      const size_t count = characters.size();
      decompose(next_code_point(text, at), characters);
      for (size_t i = count; i < characters.size(); ++i) {
        if (class_of(characters[i]) != 0) continue;
        sort_marks(characters, run, i);
        run = i + 1;
      }
    }
    sort_marks(characters, run, characters.size());
    auto count = static_cast<utf8proc_ssize_t>(characters.size());
    if (compose_) {
      count = utf8proc_normalize_utf32(characters.data(), count,
                                       static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    }
    text.clear();
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) append_utf8(text, static_cast<char32_t>(characters[i]));
    return false;
  }

 private:
  static constexpr int kLongest = 32;  ///< the longest decomposition has 18 characters

  void decompose(char32_t c, std::vector<utf8proc_int32_t>& out) const {
    const auto character = static_cast<utf8proc_int32_t>(c);
    if (has_young_form(c)) return out.push_back(character);
    const size_t count = out.size();
    out.resize(count + kLongest);
    const auto added = utf8proc_decompose_char(character, &out[count], kLongest, decompose_, nullptr);
    HONE_ASSERT(added >= 0 && added <= kLongest);
    out.resize(count + static_cast<size_t>(added));
  }

  static int class_of(utf8proc_int32_t c) { return c < 0x300 ? 0 : utf8proc_get_property(c)->combining_class; }
  static void sort_marks(std::vector<utf8proc_int32_t>& characters, size_t begin, size_t end) {
    if (end - begin < 2) return;
    const auto at = [&](size_t i) { return characters.begin() + static_cast<std::ptrdiff_t>(i); };
    std::stable_sort(at(begin), at(end), [](auto a, auto b) { return class_of(a) < class_of(b); });
  }

  const bool compose_;
  const utf8proc_option_t decompose_;
};

class Lowercase : public Normalizer {
 public:
  bool apply(std::string& text) const override {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const char32_t c = next_code_point(text, at);
      append_utf8(out, c == 0x130 ? U'i' : static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
      if (c == 0x130) append_utf8(out, 0x307);  // the one letter whose small form is two characters
    }
    text = std::move(out);
    return false;
  }
};

class StripAccents : public Normalizer {
 public:
  bool apply(std::string& text) const override {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const char32_t c = next_code_point(text, at);
      if (!is_mark(c)) append_utf8(out, c);
    }
    const bool begins_anew = !text.starts_with(std::string_view(out).substr(0, 1));
    text = std::move(out);
    return begins_anew;
  }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  bool apply(std::string& text) const override {
    size_t first = text.size(), last = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (is_white_space(next_code_point(text, at))) continue;
      first = std::min(first, begin);
      last = at;
    }
    if (right_) text.resize(std::max(last, left_ ? first : 0));
    if (left_) text.erase(0, first);
    return left_ && first > 0;
  }

 private:
  const bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  bool apply(std::string& text) const override {
    if (!text.empty()) text.insert(0, prefix_);
    return false;
  }

 private:
  const std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string by) : pattern_(std::move(pattern)), by_(std::move(by)) {}
  bool apply(std::string& text) const override {
    bool begins_anew = false;
    if (by_.empty()) {
      pattern_.for_each_match(text,
                              [&](Range match) { begins_anew = begins_anew || (match.begin == 0 && match.end > 0); });
    }
    text = pattern_.replaced(text, by_);
    return begins_anew;
  }

 private:
  const Pattern pattern_;
  const std::string by_;
};

class Chain : public Normalizer {
 public:
  explicit Chain(std::vector<std::unique_ptr<Normalizer>> parts) : parts_(std::move(parts)) {}
  bool apply(std::string& text) const override {
    bool begins_anew = false;
    for (const auto& part : parts_) begins_anew = part->apply(text) || begins_anew;
    return begins_anew;
  }

 private:
  const std::vector<std::unique_ptr<Normalizer>> parts_;
};

// SentencePiece's charsmap: a double-array trie (of darts-clone) whose values are places in a list of texts. As Hugging
// Face applies it, grapheme by grapheme; the shortest prefix in the trie decides.
class Precompiled : public Normalizer {
 public:
  Precompiled(std::vector<uint32_t> trie, std::string texts) : trie_(std::move(trie)), texts_(std::move(texts)) {}

  bool apply(std::string& text) const override {
    std::string out;
    utf8proc_int32_t state = 0;
    for (size_t begin = 0; begin < text.size();) {
      size_t end = begin;
      auto last = static_cast<utf8proc_int32_t>(next_code_point(text, end));
      for (size_t next = end; next < text.size(); end = next) {
        const auto c = static_cast<utf8proc_int32_t>(next_code_point(text, next));
        if (utf8proc_grapheme_break_stateful(last, c, &state)) break;
        last = c;
      }
      replace(std::string_view(text).substr(begin, end - begin), out);
      begin = end;
    }
    text = std::move(out);
    return false;
  }

 private:
  static constexpr size_t kWholeGrapheme = 6;  ///< bytes from which on a grapheme is taken character by character

  void replace(std::string_view grapheme, std::string& out) const {
    if (grapheme.size() < kWholeGrapheme) {
      if (const auto text = find(grapheme)) {
        out += *text;
        return;
      }
    }
    for (size_t at = 0; at < grapheme.size();) {
      const std::string_view character = grapheme.substr(at, character_bytes(grapheme, at));
      out += find(character).value_or(character);
      at += character.size();
    }
  }

  std::optional<std::string_view> find(std::string_view key) const {
    size_t node = offset(trie_[0]);
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      node ^= byte;
      if (byte == 0 || node >= trie_.size()) return {};
      const uint32_t unit = trie_[node];
      if ((unit & 0x8000'00FF) != byte) return {};
      node ^= offset(unit);
      if ((unit >> 8 & 1) == 0) continue;
      const size_t place = node < trie_.size() ? trie_[node] & 0x7FFF'FFFF : texts_.size();
      if (place >= texts_.size()) return {};
      return std::string_view(texts_).substr(place, texts_.find('\0', place) - place);
    }
    return {};
  }

  static size_t offset(uint32_t unit) { return size_t{unit >> 10} << ((unit & 0x200) >> 6); }

  const std::vector<uint32_t> trie_;
  const std::string texts_;
};

}  // namespace

std::unique_ptr<Normalizer> make_nfc() {
  return std::make_unique<UnicodeForm>(true, false);
}

std::unique_ptr<Normalizer> make_precompiled(const std::string& bytes, const Node& place) {
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  const size_t trie_bytes = bytes.size() < 8 ? 0 : word(0);
  if (trie_bytes < 4 || trie_bytes % 4 != 0 || trie_bytes > bytes.size() - 4) place.refuse("is a damaged charsmap");
  std::vector<uint32_t> trie;
  for (size_t at = 4; at < 4 + trie_bytes; at += 4) trie.push_back(word(at));
  std::string texts = bytes.substr(4 + trie_bytes);
  if (!is_valid_utf8(texts)) place.refuse("is a damaged charsmap");
  return std::make_unique<Precompiled>(std::move(trie), std::move(texts));
}

std::unique_ptr<Normalizer> read_normalizer(const Node& node) {
  if (node.is_null()) return nullptr;
  const std::string type = node["type"].text();
  if (type == "NFC") return make_nfc();
  if (type == "NFD") return std::make_unique<UnicodeForm>(false, false);
  if (type == "NFKC") return std::make_unique<UnicodeForm>(true, true);
  if (type == "NFKD") return std::make_unique<UnicodeForm>(false, true);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "Strip") return std::make_unique<Strip>(node["strip_left"].boolean(), node["strip_right"].boolean());
  if (type == "Prepend") return std::make_unique<Prepend>(node["prepend"].text());
  if (type == "Replace") return std::make_unique<Replace>(Pattern(node["pattern"]), node["content"].text());
  if (type == "Sequence") {
    std::vector<std::unique_ptr<Normalizer>> parts;
    for (const Node& part : node["normalizers"].elements()) parts.push_back(read_normalizer(part));
    std::erase(parts, nullptr);
    return std::make_unique<Chain>(std::move(parts));
  }
  if (type == "Precompiled") {
    const Node map = node["precompiled_charsmap"];
    if (map.is_null() || map.json() == "") return std::make_unique<Chain>(std::vector<std::unique_ptr<Normalizer>>());
    const auto bytes = decode_base64(map.text());
    if (!bytes) map.refuse("is no base64");
    return make_precompiled(*bytes, map);
  }
  node["type"].refuse("is not supported",
                      "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, "
                      "Precompiled or Sequence");
}

}  // namespace hone

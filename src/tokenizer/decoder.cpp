#include "decoder.h"

#include <algorithm>
#include <optional>

#include "byte_level.h"
#include "characters.h"
#include "hone/core/error.h"
#include "hone/tokenizer/utf8.h"
#include "regex.h"

namespace hone {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// How many bytes at text[at...] belong together: a character, or the longest beginning of one, and whether it is
/// complete, and whether more bytes could complete it.
struct Sequence {
  size_t size;
  bool valid, may_go_on;
};

Sequence next_sequence(std::string_view text, size_t at) {
  size_t end = at;
  if (next_code_point(text, end) != kInvalidCodePoint) return {end - at, true, false};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const size_t size = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  // The second byte's range rules out overlong forms, surrogates and values over 10FFFF.
  unsigned char low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (end = at + 1; end < at + size; ++end) {
    if (end == text.size()) return {end - at, false, true};
    if (byte(end) < low || byte(end) > high) break;
    low = 0x80, high = 0xBF;
  }
  return {end - at, false, false};
}

/// Bytes to UTF-8, held back while they may still become a character.
class BytesToText {
 public:
  explicit BytesToText(bool raw) : raw_(raw) {}

  void push(std::string_view bytes, const Emit& emit) {
    if (raw_) return emit(bytes);
    bytes_ += bytes;
    convert(/*all=*/false, emit);
  }
  void finish(const Emit& emit) { convert(/*all=*/true, emit); }

 private:
  void convert(bool all, const Emit& emit) {
    std::string text;
    size_t at = 0;
    while (at < bytes_.size()) {
      const Sequence next = next_sequence(bytes_, at);
      if (next.may_go_on && !all) break;
      text += next.valid ? std::string_view(bytes_).substr(at, next.size) : kReplacement;
      at += next.size;
    }
    bytes_.erase(0, at);
    if (!text.empty()) emit(text);
  }

  const bool raw_;
  std::string bytes_;
};

class ByteLevelStep : public DecodeStep {
 public:
  explicit ByteLevelStep(bool raw) : bytes_(raw) {}
  void push(std::string_view token, const Emit& emit) override {
    std::string bytes;
    for (size_t at = 0; at < token.size();) {
      const auto byte = byte_of(next_code_point(token, at));
      if (!byte) return bytes_.push(token, emit);  // an added token, which is text
      bytes += static_cast<char>(*byte);
    }
    bytes_.push(bytes, emit);
  }
  void finish(const Emit& emit) override { bytes_.finish(emit); }

 private:
  BytesToText bytes_;
};

/// Byte tokens to text. A run of them that is not UTF-8 as a whole is one U+FFFD a byte.
class ByteFallbackStep : public DecodeStep {
 public:
  explicit ByteFallbackStep(bool raw) : raw_(raw) {}
  void push(std::string_view token, const Emit& emit) override {
    const auto byte = byte_token(token);
    if (byte && raw_) return emit(std::string(1, *byte));
    if (byte) {
      run_ += *byte;
      return;
    }
    finish(emit);
    emit(token);
  }
  void finish(const Emit& emit) override {
    if (is_valid_utf8(run_)) {
      if (!run_.empty()) emit(run_);
    } else {
      for (size_t i = 0; i < run_.size(); ++i) emit(kReplacement);
    }
    run_.clear();
  }

 private:
  static std::optional<char> byte_token(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return {};
    int value = 0;
    for (const char c : token.substr(3, 2)) {
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return {};
      value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return static_cast<char>(static_cast<unsigned char>(value));
  }

  const bool raw_;
  std::string run_;
};

/// Cuts up to `start` and `stop` times the character from both ends of every token.
class StripStep : public DecodeStep {
 public:
  StripStep(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void push(std::string_view token, const Emit& emit) override {
    for (size_t i = 0; i < start_ && token.starts_with(content_); ++i) token.remove_prefix(content_.size());
    for (size_t i = 0; i < stop_ && token.ends_with(content_); ++i) token.remove_suffix(content_.size());
    emit(token);
  }

 protected:
  const std::string content_;
  const size_t start_, stop_;
};

/// The same for a text that comes in parts.
class StripWholeStep : public StripStep {
 public:
  using StripStep::StripStep;
  void push(std::string_view part, const Emit& emit) override {
    text_ += part;
    std::string_view left = text_;
    for (; cut_ < start_ && left.starts_with(content_); ++cut_) left.remove_prefix(content_.size());
    if (!left.empty()) cut_ = start_;
    std::string_view certain = left;
    for (size_t i = 0; i < stop_ && certain.ends_with(content_); ++i) certain.remove_suffix(content_.size());
    if (!certain.empty()) emit(certain);
    text_ = std::string(left.substr(certain.size()));
  }
  void finish(const Emit&) override {  // what is left are characters to cut
    text_.clear();
    cut_ = 0;
  }

 private:
  std::string text_;
  size_t cut_ = 0;
};

class ReplaceStep : public DecodeStep {
 public:
  ReplaceStep(Pattern pattern, std::string by) : pattern_(std::move(pattern)), by_(std::move(by)) {}
  void push(std::string_view token, const Emit& emit) override { emit(pattern_.replaced(token, by_)); }

 private:
  const Pattern pattern_;
  const std::string by_;
};

/// U+2581 or its like to spaces; in the first token it goes where it was put there.
class MetaspaceStep : public DecodeStep {
 public:
  MetaspaceStep(const std::string& replacement, bool prefix) : replacement_(replacement), prefix_(prefix) {}
  void push(std::string_view token, const Emit& emit) override {
    emit(replacement_.replaced(token, first_ && prefix_ ? "" : " "));
    first_ = false;
  }
  void finish(const Emit&) override { first_ = true; }

 private:
  const Pattern replacement_;
  const bool prefix_;
  bool first_ = true;
};

/// Words with a space between, where a file has no decoder.
class JoinStep : public DecodeStep {
 public:
  void push(std::string_view token, const Emit& emit) override {
    if (!first_) emit(" ");
    first_ = false;
    emit(token);
  }
  void finish(const Emit&) override { first_ = true; }

 private:
  bool first_ = true;
};

/// Gives a step the whole text as one token.
class WholeStep : public DecodeStep {
 public:
  explicit WholeStep(std::unique_ptr<DecodeStep> step) : step_(std::move(step)) {}
  void push(std::string_view token, const Emit&) override { text_ += token; }
  void finish(const Emit& emit) override {
    step_->push(text_, emit);
    step_->finish(emit);
    text_.clear();
  }

 private:
  const std::unique_ptr<DecodeStep> step_;
  std::string text_;
};

template <typename Step, typename... Arguments>
MakeStep make(Arguments... arguments) {
  return [=](bool) { return std::make_unique<Step>(arguments...); };
}
template <typename Step>
MakeStep make_raw() {
  return [](bool raw) { return std::make_unique<Step>(raw); };
}

std::string read_character(const Node& node) {
  const std::string& text = node.text();
  if (text.empty() || character_bytes(text, 0) != text.size()) node.refuse("is not one character");
  return text;
}

size_t read_count(const Node& node) {
  if (node.integer() < 0 || node.integer() > 1000) node.refuse("is out of range", "0 to 1000");
  return static_cast<size_t>(node.integer());
}

MakeStep read_metaspace(const Node& node) {
  const std::string scheme =
      node["prepend_scheme"].text_or(node["add_prefix_space"].boolean_or(true) ? "always" : "never");
  return make<MetaspaceStep>(read_character(node["replacement"]), scheme != "never");
}

/// Appends the steps of a decoder. `whole`: the tokens before have become one text.
void add_steps(const Node& node, DecoderChain& chain, bool& whole) {
  const std::string type = node["type"].text();
  const auto add = [&](MakeStep step) {
    if (!whole) return chain.push_back(std::move(step));
    chain.push_back([step = std::move(step)](bool raw) { return std::make_unique<WholeStep>(step(raw)); });
  };
  if (type == "Sequence") {
    for (const Node& part : node["decoders"].elements()) add_steps(part, chain, whole);
  } else if (type == "ByteLevel") {
    add(make_raw<ByteLevelStep>());
    whole = true;
  } else if (type == "ByteFallback") {
    add(make_raw<ByteFallbackStep>());
  } else if (type == "Fuse") {
    whole = true;
  } else if (type == "Strip") {
    const std::string content = read_character(node["content"]);
    const size_t start = read_count(node["start"]), stop = read_count(node["stop"]);
    chain.push_back(whole ? make<StripWholeStep>(content, start, stop) : make<StripStep>(content, start, stop));
  } else if (type == "Replace") {
    add(make<ReplaceStep>(Pattern(node["pattern"]), node["content"].text()));
  } else if (type == "Metaspace") {
    add(read_metaspace(node));
  } else {
    node["type"].refuse("is not supported", "ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace or Sequence");
  }
}

}  // namespace

Decoding::Decoding(const DecoderChain& chain, bool raw) {
  for (const MakeStep& step : chain) steps_.push_back(step(raw));
}

void Decoding::push_to(size_t step, std::string_view token, std::string& out) {
  if (step == steps_.size()) {
    out += token;
    return;
  }
  steps_[step]->push(token, [&](std::string_view next) { push_to(step + 1, next, out); });
}

void Decoding::finish(std::string& out) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i]->finish([&](std::string_view next) { push_to(i + 1, next, out); });
  }
}

DecoderChain read_decoder(const Node& node) {
  DecoderChain chain;
  bool whole = false;
  if (node.is_null()) {
    chain.push_back(make<JoinStep>());
  } else {
    add_steps(node, chain, whole);
  }
  return chain;
}

DecoderChain byte_level_decoder() {
  return {make_raw<ByteLevelStep>()};
}

DecoderChain sentencepiece_decoder(size_t leading_spaces) {
  return {make<ReplaceStep>(Pattern("▁"), std::string(" ")), make_raw<ByteFallbackStep>(),
          make<StripWholeStep>(std::string(" "), leading_spaces, size_t{0})};
}

}  // namespace hone

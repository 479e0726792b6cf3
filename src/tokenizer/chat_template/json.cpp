// JSON as Python's json module writes it, and JSON texts as values.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/text_format.h"

namespace hone::jinja {
namespace {

std::string number_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_repr(value);
}

void add_unit(std::string& out, uint32_t unit) {
  out += fmt::format("\\u{:04x}", unit);
}

std::string text_json(std::string_view text, bool ascii) {
  static constexpr std::string_view kPlain = "\"\\\n\r\t\f\b", kShort = "\"\\nrtfb";
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = next_code_point(text, at);
    const size_t known = c < 0x80 ? kPlain.find(static_cast<char>(c)) : std::string_view::npos;
    if (known != std::string_view::npos) {
      out += '\\';
      out += kShort[known];
    } else if (c < 0x20 || (ascii && c >= 0x7F && c < 0x10000 && c != 0x7F)) {
      add_unit(out, c);
    } else if (ascii && c >= 0x10000) {
      add_unit(out, 0xD800 + ((c - 0x10000) >> 10));
      add_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      out += text.substr(start, at - start);
    }
  }
  return out + '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Budget& budget) : style_(style), budget_(budget) {}

  void add(const Value& value) {
    budget_.charge(1);
    if (out_.size() > kMaxTextBytes) budget_.check_text(out_.size());
    if (const Text* text = value.text()) {
      out_ += text_json(text->bytes, style_.ascii);
    } else if (value.is_none()) {
      out_ += "null";
    } else if (const auto* b = value.get<bool>()) {
      out_ += *b ? "true" : "false";
    } else if (const auto* i = value.get<int64_t>()) {
      out_ += fmt::to_string(*i);
    } else if (const auto* d = value.get<double>()) {
      out_ += number_json(*d);
    } else if (const Sequence* sequence = value.sequence()) {
      add_list(sequence->items);
    } else if (const Dict* dict = value.dict()) {
      add_dict(*dict);
    } else {
      fail(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
  }

  std::string finish() { return std::move(out_); }

 private:
  void add_list(const Values& items) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    open('[');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) separate();
      add(items[i]);
    }
    close(']');
  }

  void add_dict(const Dict& dict) {
    if (dict.items.empty()) {
      out_ += "{}";
      return;
    }
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items) items.push_back(&item);
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(),
                       [this](const auto* a, const auto* b) { return less(a->first, b->first, budget_); });
    }
    open('{');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) separate();
      out_ += key_json(items[i]->first) + style_.key_separator;
      add(items[i]->second);
    }
    close('}');
  }

  std::string key_json(const Value& key) const {
    if (const Text* text = key.text()) return text_json(text->bytes, style_.ascii);
    if (key.is_none()) return "\"null\"";
    if (const auto* b = key.get<bool>()) return *b ? "\"true\"" : "\"false\"";
    if (const auto* i = key.get<int64_t>()) return fmt::format("\"{}\"", *i);
    if (const auto* d = key.get<double>()) return fmt::format("\"{}\"", number_json(*d));
    fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    break_line();
  }
  void separate() {
    out_ += style_.item_separator;
    break_line();
  }
  void close(char bracket) {
    --depth_;
    break_line();
    out_ += bracket;
  }
  void break_line() {
    if (!style_.indent) return;
    out_ += '\n';
    budget_.check_text(out_.size() / 64 + style_.indent->size() * static_cast<size_t>(depth_));
    for (int i = 0; i < depth_; ++i) out_ += *style_.indent;
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string out_;
  int depth_ = 0;
};

/// Builds the values while nlohmann reads, so that nesting and numbers are checked on the way.
class JsonReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonReader(Budget& budget) : budget_(budget) {}

  bool null() override { return put(None{}); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(int64_t value) override { return put(value); }
  bool number_unsigned(uint64_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) fail("an integer beyond 64 bits");
    return put(static_cast<int64_t>(value));
  }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == std::string::npos) fail("an integer beyond 64 bits");
    return put(value);
  }
  bool string(std::string& value) override {
    budget_.charge_text(value.size());
    return put(make_text(std::move(value)));
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool key(std::string& name) override {
    open_.back().key = make_text(std::move(name));
    return true;
  }
  bool start_object(size_t) override { return open(/*object=*/true); }
  bool start_array(size_t) override { return open(/*object=*/false); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception&) override {
    fail(fmt::format("no JSON, at byte {}", at));
  }

  Value finish() { return std::move(result_); }

 private:
  struct Open {
    bool object;
    Values items;
    DictBuilder members;
    Value key;
  };

  bool open(bool object) {
    if (open_.size() >= static_cast<size_t>(kMaxValueDepth)) fail("JSON that nests too deeply");
    open_.push_back({object, {}, DictBuilder(budget_), {}});
    return true;
  }

  bool close() {
    Open& top = open_.back();
    Value value = top.object ? top.members.finish() : make_list(std::move(top.items));
    open_.pop_back();
    return put(std::move(value));
  }

  bool put(Value value) {
    budget_.charge(1);
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (open_.back().object) {
      open_.back().members.put(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  Budget& budget_;
  std::vector<Open> open_;
  Value result_;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonWriter writer(style, budget);
  writer.add(value);
  std::string out = writer.finish();
  budget.check_text(out.size());
  return out;
}

Value from_json(std::string_view json, Budget& budget) {
  JsonReader reader(budget);
  nlohmann::json::sax_parse(json, &reader);
  return reader.finish();
}

}  // namespace hone::jinja

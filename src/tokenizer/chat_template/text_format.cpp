#include "tokenizer/chat_template/text_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "hone/tokenizer/utf8.h"
#include "tokenizer/chat_template/loop.h"
#include "tokenizer/chat_template/macro.h"
#include "tokenizer/chat_template/number.h"
#include "tokenizer/chat_template/unicode.h"

namespace hone::jinja {
namespace {

/// repr() of a value, appended to out_.
class Representer {
 public:
  Representer(std::string& out, Budget& budget) : out_(out), budget_(budget) {}

  void add(const Value& value) {
    budget_.charge(1);
    if (out_.size() > kMaxTextBytes) budget_.check_text(out_.size());
    if (const Text* text = value.text()) {
      out_ += text->markup ? fmt::format("Markup({})", text_repr(text->bytes)) : text_repr(text->bytes);
    } else if (const Sequence* sequence = value.sequence()) {
      add_items(sequence->tuple ? "(" : "[", sequence->items, sequence->tuple ? ")" : "]", sequence->tuple);
    } else if (const Dict* dict = value.dict()) {
      add_dict(*dict);
    } else if (value.view() != nullptr) {
      out_ += type_name(value);
      out_ += "([";
      Next next = iterate(value, budget_);
      bool first = true;
      for (Value item; next(item); first = false) {
        if (!first) out_ += ", ";
        add(item);
      }
      out_ += "])";
    } else if (Namespace* space = value.name_space()) {
      add_namespace(*space);
    } else {
      add_scalar(value);
    }
  }

 private:
  void add_items(std::string_view open, const Values& items, std::string_view close, bool tuple) {
    out_ += open;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      add(items[i]);
    }
    if (tuple && items.size() == 1) out_ += ',';
    out_ += close;
  }

  void add_dict(const Dict& dict) {
    out_ += '{';
    for (size_t i = 0; i < dict.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      add(dict.items[i].first);
      out_ += ": ";
      add(dict.items[i].second);
    }
    out_ += '}';
  }

  void add_namespace(const Namespace& space) {
    // A namespace can hold itself, at any distance.
    if (++namespaces_ > kMaxValueDepth) fail(fmt::format("values nest more than {} deep", kMaxValueDepth));
    const bool inside = std::find(open_.begin(), open_.end(), &space) != open_.end();
    open_.push_back(&space);
    out_ += "<Namespace {";
    if (inside) out_ += "...";
    for (size_t i = 0; i < space.attributes.size() && !inside; ++i) {
      out_ += i > 0 ? ", " : "";
      out_ += text_repr(space.attributes[i].first) + ": ";
      add(space.attributes[i].second);
    }
    out_ += "}>";
    open_.pop_back();
    --namespaces_;
  }

  void add_scalar(const Value& value) {
    if (value.is_none()) {
      out_ += "None";
    } else if (value.is_undefined()) {
      out_ += "Undefined";
    } else if (const auto* b = value.get<bool>()) {
      out_ += *b ? "True" : "False";
    } else if (const auto* i = value.get<int64_t>()) {
      out_ += fmt::to_string(*i);
    } else if (const auto* d = value.get<double>()) {
      out_ += float_repr(*d);
    } else if (const Range* range = value.range()) {
      out_ += range->step == 1 ? fmt::format("range({}, {})", range->start, range->stop)
                               : fmt::format("range({}, {}, {})", range->start, range->stop, range->step);
    } else if (Loop* loop = value.loop()) {
      out_ += fmt::format("<LoopContext {}/{}>", loop->index(), loop->length());
    } else if (Macro* macro = value.macro()) {
      out_ += macro->name.empty() ? "<Macro anonymous>" : fmt::format("<Macro {}>", text_repr(macro->name));
    } else {
      out_ += fmt::format("<{} object>", type_name(value));  // Python adds the address
    }
  }

  std::string& out_;
  Budget& budget_;
  int namespaces_ = 0;
  std::vector<const Namespace*> open_;
};

}  // namespace

std::string to_repr(const Value& value, Budget& budget) {
  std::string out;
  Representer(out, budget).add(value);
  budget.check_text(out.size());
  return out;
}

std::string to_text(const Value& value, Budget& budget) {
  if (const Text* text = value.text()) return text->bytes;
  if (value.is_undefined()) return {};
  return to_repr(value, budget);
}

std::string text_repr(std::string_view text, bool ascii) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = next_code_point(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x80 ? (c >= 0x20 && c != 0x7F) : (!ascii && is_printable(c))) {
      out += text.substr(start, at - start);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    } else {
      out += c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<uint32_t>(c))
                         : fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
    }
  }
  return out + quote;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace hone::jinja

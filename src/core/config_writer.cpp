#include <fmt/format.h>

#include "config_value.h"
#include "hone/core/config_file.h"

namespace hone {
namespace {

constexpr size_t kCommentWidth = 100;

// Block YAML, a key a line.
class YamlWriter : public ConfigVisitor {
 public:
  explicit YamlWriter(bool comments) : comments_(comments) {}

  std::string text;

 protected:
  void on_value(const Field& field, const Slot& slot, bool* present) override {
    const std::string unit = field.unit.empty() ? "" : fmt::format(", {}", field.unit);
    comment(fmt::format("{} ({}{})", field.help, expected_text(field, slot, present != nullptr), unit));
    line(fmt::format("{}: {}", field.name, value_text(slot, present)));
  }
  bool begin_section(const Field& field) override {
    open(field.name, field.help);
    indent_ += 2;
    return true;
  }
  void end_section() override { indent_ -= 2; }
  size_t begin_list(const Field& field, std::string_view single, size_t size) override {
    singles_.push_back(!single.empty() && size == 1);
    open(singles_.back() ? single : field.name, field.help);
    indent_ += singles_.back() ? 0 : 2;
    return size;
  }
  bool begin_element(size_t index) override {
    indent_ += 2;
    dash_ = !singles_.back();
    explained_ = index > 0;
    return true;
  }
  void end_list() override {
    indent_ -= singles_.back() ? 0 : 2;
    singles_.pop_back();
    explained_ = false;
  }
  std::vector<size_t> begin_tagged(const Field& field, std::span<const std::string_view> names,
                                   size_t current) override {
    comment(fmt::format("{} ({})", field.help, fmt::join(names, " | ")));
    line(fmt::format("{}: {}", field.name, names[current]));
    return {current};
  }
  void begin_alternative(size_t) override {}
  void end_alternative() override {}

 private:
  // The comments of a list's first element serve the others too.
  void comment(std::string_view words) {
    if (!comments_ || explained_) return;
    const std::string margin(indent_ - (dash_ ? 2 : 0), ' ');
    while (!words.empty()) {
      const size_t fits = words.size() <= kCommentWidth ? words.size() : words.rfind(' ', kCommentWidth);
      const size_t length = fits == std::string_view::npos ? words.size() : fits;
      text += fmt::format("{}# {}\n", margin, words.substr(0, length));
      words.remove_prefix(std::min(length + 1, words.size()));
    }
  }
  void open(std::string_view name, std::string_view help) {
    if (comments_ && !explained_) text += '\n';
    comment(help);
    line(fmt::format("{}:", name));
  }
  void line(const std::string& words) {
    text += fmt::format("{}{}{}\n", std::string(indent_ - (dash_ ? 2 : 0), ' '), dash_ ? "- " : "", words);
    dash_ = false;
  }

  bool comments_;
  size_t indent_ = 0;
  bool dash_ = false;       // the next line begins an element of a list
  bool explained_ = false;  // in a later element of a list
  std::vector<bool> singles_;
};

}  // namespace

std::string config_yaml(const DescribeConfig& describe, bool comments) {
  YamlWriter writer(comments);
  describe(writer);
  return writer.text;
}

}  // namespace hone

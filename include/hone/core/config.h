// Typed configuration: the one description of a section that everything else reads. A section is a plain struct with
// its defaults, and a function `describe(visitor, section)` beside it that lists each field once (name, member, range,
// unit, help). Reading YAML and JSON, overrides, the resolved file, the JSON Schema and the reference page are visitors
// over it (core/config_file.h). Header-light, owns nothing; a visitor belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace hone {

/// Values that a number may take. Integers without an upper end stop at kMaxCount, so that products of two fit 64 bits.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
};
inline constexpr double kMaxCount = 1e9;
constexpr Range any_value() {
  return {};
}
constexpr Range at_least(double min) {
  return {.min = min};
}
constexpr Range between(double min, double max) {
  return {.min = min, .max = max};
}
constexpr Range above(double min) {
  return {.min = min, .min_excluded = true};
}
constexpr Range above_up_to(double min, double max) {
  return {.min = min, .max = max, .min_excluded = true};
}

/// One key of a section.
struct Field {
  std::string_view name;
  Range range{};
  std::string_view unit{};  ///< "tokens", "steps"; empty for pure numbers and text
  std::string_view help{};  ///< one sentence
  bool required = false;    ///< must be given; all others have a default
};

/// An enumerator by its position in the enum's table of names.
struct Choice {
  std::span<const std::string_view> names;
  size_t* index;
};

/// Where the value of a field is kept.
using Slot = std::variant<bool*, int64_t*, double*, std::string*, std::vector<std::string>*, Choice>;

/// Visits the fields of a section in the order of its `describe`. Enums take part through a function
/// `enum_names(E)` beside the enum, which gives the names of its values 0, 1, ... .
class ConfigVisitor {
 public:
  virtual ~ConfigVisitor() = default;

  /// A value with a default. An optional member is off when its key is null.
  template <class T>
  void field(std::string_view name, T& value, Range range, std::string_view unit, std::string_view help) {
    visit_value({.name = name, .range = range, .unit = unit, .help = help}, value);
  }
  /// A value that must be given.
  template <class T>
  void required(std::string_view name, T& value, Range range, std::string_view unit, std::string_view help) {
    visit_value({.name = name, .range = range, .unit = unit, .help = help, .required = true}, value);
  }
  /// A map below `name`, described by its own `describe`.
  template <class T>
  void section(std::string_view name, T& value, std::string_view help) {
    if (!begin_section({.name = name, .help = help})) return;
    describe(*this, value);
    end_section();
  }
  /// A list of maps; it must hold at least one. With `single`, one element may stand below that key instead.
  template <class T>
  void list(std::string_view name, std::vector<T>& value, std::string_view help, std::string_view single = {}) {
    value.resize(begin_list({.name = name, .help = help, .required = true}, single, value.size()));
    for (size_t i = 0; i < value.size(); ++i) {
      if (!begin_element(i)) continue;
      describe(*this, value[i]);
      end_section();
    }
    end_list();
  }
  /// The same, but it may be absent or empty.
  template <class T>
  void optional_list(std::string_view name, std::vector<T>& value, std::string_view help) {
    value.resize(begin_list({.name = name, .help = help}, {}, value.size()));
    for (size_t i = 0; i < value.size(); ++i) {
      if (!begin_element(i)) continue;
      describe(*this, value[i]);
      end_section();
    }
    end_list();
  }
  /// The key `name` of this map selects which of the structs T (by T::kType) describes the map's further keys.
  template <class... T>
  void tagged(std::string_view name, std::variant<T...>& value, std::string_view help) {
    static constexpr std::array<std::string_view, sizeof...(T)> kNames = {T::kType...};
    for (size_t i : begin_tagged({.name = name, .help = help, .required = true}, kNames, value.index())) {
      size_t at = 0;
      if (i != value.index()) (void)((at++ == i && (value.template emplace<T>(), true)) || ...);
      begin_alternative(i);
      std::visit([this](auto& chosen) { describe(*this, chosen); }, value);
      end_alternative();
    }
  }

 protected:
  /// `present` is null for a value that cannot be off; else it tells, and takes, whether there is a value.
  virtual void on_value(const Field& field, const Slot& slot, bool* present) = 0;
  /// False: the section is not visited, and end_section is not called.
  virtual bool begin_section(const Field& field) = 0;
  virtual void end_section() = 0;
  /// Takes the present size, gives the number of elements to visit.
  virtual size_t begin_list(const Field& field, std::string_view single, size_t size) = 0;
  virtual bool begin_element(size_t index) = 0;
  virtual void end_list() = 0;
  /// Takes the present alternative, gives the ones to visit.
  virtual std::vector<size_t> begin_tagged(const Field& field, std::span<const std::string_view> names,
                                           size_t current) = 0;
  virtual void begin_alternative(size_t index) = 0;
  virtual void end_alternative() = 0;

 private:
  template <class T>
  void visit_value(const Field& field, T& value, bool* present = nullptr) {
    if constexpr (std::is_enum_v<T>) {
      auto index = static_cast<size_t>(value);
      on_value(field, Choice{enum_names(value), &index}, present);
      value = static_cast<T>(index);
    } else {
      on_value(field, &value, present);
    }
  }
  template <class T>
  void visit_value(const Field& field, std::optional<T>& value) {
    bool present = value.has_value();
    T inner = value.value_or(T{});
    visit_value(field, inner, &present);
    value = present ? std::optional<T>(inner) : std::nullopt;
  }
};

/// The name of an enumerator in config files.
template <class E>
std::string_view enum_name(E value) {
  return enum_names(value)[static_cast<size_t>(value)];
}

}  // namespace hone

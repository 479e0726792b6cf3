// The values of a template: those of Python that Jinja templates meet, with Python's rules of truth, equality, order
// and hashing. Containers are immutable once made (as in Jinja's immutable sandbox) and shared. What can refer to
// itself - namespaces and macros - is owned by the rendering (interpreter.h), so that nothing leaks. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "tokenizer/chat_template/limits.h"

namespace hone::jinja {

/// What goes wrong while a template is rendered; the interpreter adds the line.
struct Failure {
  std::string message;
};
[[noreturn]] void fail(std::string message);

/// Counts what a rendering costs.
class Budget {
 public:
  void charge(int64_t steps);
  void charge_text(size_t bytes) { charge(static_cast<int64_t>(bytes) / kBytesPerStep + 1); }
  /// Before a text of that size is made.
  void check_text(size_t bytes);

 private:
  int64_t left_ = kMaxSteps;
};

struct Sequence;
struct Dict;
struct Range;
struct Iterator;
struct View;
struct Method;
struct Namespace;
class Loop;
struct Macro;

struct None {};

/// What a missing variable or attribute evaluates to: empty when printed, false, and an error in most other uses.
struct Undefined {
  std::shared_ptr<const std::string> message;
};

struct Text {
  std::string bytes;    ///< valid UTF-8
  size_t length;        ///< in code points
  bool markup = false;  ///< markupsafe's Markup: escape and safe make it

  bool ascii() const { return length == bytes.size(); }
};

/// The functions that every template sees.
enum class Function : uint8_t { kRange, kDict, kNamespace, kRaiseException, kStrftimeNow, kCycler, kJoiner, kLipsum };

template <typename T, typename Variant>
struct IsAlternative;
template <typename T, typename... Types>
struct IsAlternative<T, std::variant<Types...>> : std::bool_constant<(std::is_same_v<T, Types> || ...)> {};

class Value {
 public:
  using Data = std::variant<None, Undefined, bool, int64_t, double, std::shared_ptr<const Text>,
                            std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<const Range>,
                            std::shared_ptr<Iterator>, std::shared_ptr<const View>, std::shared_ptr<const Method>,
                            Function, Namespace*, std::shared_ptr<Loop>, Macro*>;

  Value() = default;
  /// Exactly one of the alternatives: no conversion may turn a pointer into a bool.
  template <typename T>
  requires IsAlternative<std::remove_cvref_t<T>, Data>::value Value(T&& data)
      : data_(std::in_place_type<std::remove_cvref_t<T>>, std::forward<T>(data)) {}

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }
  template <typename T>
  const T* get() const {
    return std::get_if<T>(&data_);
  }

  bool is_none() const { return is<None>(); }
  bool is_undefined() const { return is<Undefined>(); }
  bool is_text() const { return text() != nullptr; }
  /// The object, or null where the value is of another type.
  const Text* text() const { return object<Text>(); }
  const Sequence* sequence() const { return object<Sequence>(); }
  const Dict* dict() const { return object<Dict>(); }
  const Range* range() const { return object<Range>(); }
  const View* view() const { return object<View>(); }
  const Method* method() const { return object<Method>(); }
  Iterator* iterator() const;
  Loop* loop() const;
  Namespace* name_space() const;
  Macro* macro() const;
  /// An integer or a bool, which is an integer in Python.
  std::optional<int64_t> integer() const;
  /// An integer, bool or float.
  std::optional<double> number() const;

  const Data& data() const { return data_; }

 private:
  template <typename T>
  const T* object() const {
    const auto* pointer = std::get_if<std::shared_ptr<const T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }

  Data data_;
};

using Values = std::vector<Value>;

/// A list or a tuple.
struct Sequence {
  Values items;
  bool tuple = false;
  bool group = false;  ///< of the filter groupby: the two elements have the names grouper and list
  int depth = 1;
};

/// Python's dict: keeps the order of insertion.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  std::unordered_map<std::string, size_t> places;  ///< of the keys, by hash_key
  int depth = 1;

  const Value* find(const std::string& hash_key) const;
  const Value* find_text(std::string_view key) const;
};

struct Range {
  int64_t start, stop, step;

  int64_t size() const;
  int64_t at(int64_t i) const { return start + i * step; }
};

/// Gives the elements one after the other; false at the end.
using Next = std::function<bool(Value&)>;

/// What Python computes lazily and only once: generators, reversed lists.
struct Iterator {
  Next next;
  std::string_view type;  ///< for messages: "generator"
  int depth = 1;
};

/// dict.keys(), values() and items().
struct View {
  enum class Part : uint8_t { kKeys, kValues, kItems };
  std::shared_ptr<const Dict> dict;
  Part part;
};

/// A method bound to its object, as in `text.strip`.
struct Method {
  Value self;
  std::string name;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;

  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

/// Builds the values; those that could nest too deeply throw Failure.
Value make_text(std::string bytes, bool markup = false);
Value make_list(Values items);
Value make_tuple(Values items);
Value make_iterator(Next next, std::string_view type, int depth);
/// "'name' is undefined".
Value undefined_name(std::string_view name);
/// "'dict object' has no attribute 'x'", "list object has no element 3".
Value undefined_member(const Value& object, const Value& key);
Value undefined(std::string message);

/// Puts a dict together, the last value of a key winning.
class DictBuilder {
 public:
  explicit DictBuilder(Budget& budget) : budget_(budget) {}
  void put(Value key, Value value);
  Value finish();

 private:
  Budget& budget_;
  Dict dict_;
};

/// How deeply containers nest in it; 0 for a scalar.
int depth_of(const Value& value);
/// Python's name of the type: "str", "NoneType".
std::string_view type_name(const Value& value);
/// As Jinja's messages have it: "dict object", "None".
std::string object_name(const Value& value);
bool truth(const Value& value);
/// len(); throws Failure for what has none.
int64_t length(const Value& value);
std::optional<int64_t> try_length(const Value& value);
/// Equal values have equal keys. Throws Failure for what cannot be hashed.
std::string hash_key(const Value& value, Budget& budget);
bool equals(const Value& a, const Value& b, Budget& budget);
/// The operator `in`.
bool contains(const Value& container, const Value& item, Budget& budget);
/// a < b. Throws Failure for types that have no order; `sign` is the operator in the message.
bool less(const Value& a, const Value& b, Budget& budget, std::string_view sign = "<");
bool less_equal(const Value& a, const Value& b, Budget& budget, std::string_view sign = "<=");
bool same_object(const Value& a, const Value& b);
/// iter(); throws Failure for what cannot be iterated.
Next iterate(const Value& value, Budget& budget);
bool is_iterable(const Value& value);
/// All elements.
Values to_items(const Value& value, Budget& budget);

/// str(), and the text of `{{ value }}`.
std::string to_text(const Value& value, Budget& budget);
/// repr().
std::string to_repr(const Value& value, Budget& budget);

}  // namespace hone::jinja

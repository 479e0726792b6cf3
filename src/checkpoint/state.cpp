#include "checkpoint/state.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "hone/checkpoint/checkpoint.h"
#include "hone/core/error.h"

namespace hone {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBits = "double_bits";  // a double that JSON has no number for

template <typename Type>
const Type& scalar(const State& state, const std::string& name, std::string_view type) {
  const auto found = state.scalars.find(name);
  HONE_CHECK(found != state.scalars.end(), .what = fmt::format("checkpoint has no value '{}'", name));
  const Type* const value = std::get_if<Type>(&found->second);
  HONE_CHECK(value != nullptr, .what = fmt::format("value '{}' of the checkpoint has another type", name),
             .expected = std::string(type));
  return *value;
}

Json to_json(const State::Scalar& value) {
  if (const double* const number = std::get_if<double>(&value); number != nullptr && !std::isfinite(*number)) {
    return {{kBits, std::bit_cast<uint64_t>(*number)}};
  }
  return std::visit([](const auto& held) { return Json(held); }, value);
}

State::Scalar from_json(const Json& value, const std::string& name, const std::string& place) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_string()) return value.get<std::string>();
  HONE_CHECK(
      value.is_object() && value.size() == 1 && value.begin().key() == kBits && value.begin()->is_number_unsigned(),
      .what = fmt::format("value '{}' is neither boolean, number nor text", name), .place = place);
  return std::bit_cast<double>(value.begin()->get<uint64_t>());
}

}  // namespace

const at::Tensor& State::tensor(const std::string& name) const {
  for (const auto& [key, value] : tensors) {
    if (key == name) return value;
  }
  throw_input({.what = fmt::format("checkpoint has no tensor '{}'", name)});
}

bool State::boolean(const std::string& name) const {
  return scalar<bool>(*this, name, "a boolean");
}
int64_t State::integer(const std::string& name) const {
  return scalar<int64_t>(*this, name, "an integer");
}
double State::number(const std::string& name) const {
  return scalar<double>(*this, name, "a floating-point number");
}
const std::string& State::text(const std::string& name) const {
  return scalar<std::string>(*this, name, "a text");
}
void State::read(const std::string& name, int64_t begin, const at::Tensor& to) const {
  int64_t read = 0;
  const int64_t end = begin + to.numel();
  const auto take = [&](int64_t at, const at::Tensor& values) {
    const int64_t first = std::max(begin, at), last = std::min(end, at + values.numel());
    if (first >= last) return;
    HONE_CHECK(values.scalar_type() == to.scalar_type() && values.dim() == 1,
               .what = fmt::format("checkpoint tensor '{}' is of another type", name));
    to.narrow(0, first - begin, last - first).copy_(values.narrow(0, first - at, last - first));
    read += last - first;
  };
  for (const auto& [key, values] : tensors) {
    if (key == name) take(0, values);
  }
  for (const dist::Piece& piece : pieces) {
    if (piece.name == name) take(piece.begin, piece.values);
  }
  HONE_CHECK(read == to.numel(), .what = fmt::format("checkpoint tensor '{}' has the wrong shape", name),
             .got = fmt::format("{} elements", elements(name)), .expected = fmt::format("{} and more", end));
}

int64_t State::elements(const std::string& name) const {
  int64_t count = 0;
  for (const auto& [key, values] : tensors) {
    if (key == name) count += values.numel();
  }
  for (const dist::Piece& piece : pieces) {
    if (piece.name == name) count += piece.values.numel();
  }
  return count;
}

std::string scalars_to_text(const State& state) {
  Json object = Json::object();
  for (const auto& [name, value] : state.scalars) object[name] = to_json(value);
  try {
    return object.dump(1) + "\n";
  } catch (const Json::exception& error) {
    throw_failed({.what = fmt::format("a text of the state cannot be saved: {}", error.what())});
  }
}

std::map<std::string, State::Scalar> scalars_from_text(std::string_view text, const std::string& place) {
  const Json object = Json::parse(text, nullptr, false);
  HONE_CHECK(object.is_object(), .what = "not a JSON object", .place = place);
  std::map<std::string, State::Scalar> scalars;
  for (const auto& [name, value] : object.items()) scalars.emplace(name, from_json(value, name, place));
  return scalars;
}

}  // namespace hone

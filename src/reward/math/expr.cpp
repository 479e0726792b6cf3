#include "reward/math/expr.h"

#include <algorithm>

namespace hone::math {
namespace {

bool is_constant(std::string_view name) {
  return name == "pi" || name == "e" || name == "i";
}

/// The arguments with nested nodes of the same kind opened.
void flatten(const Expr& e, Kind kind, std::vector<Expr>& out) {
  for (const Expr& argument : e->args) {
    if (is(argument, kind)) {
      flatten(argument, kind, out);
    } else {
      out.push_back(argument);
    }
  }
}

std::string joined(std::string head, std::vector<std::string> keys, bool sorted, Work& work) {
  if (sorted) std::sort(keys.begin(), keys.end());
  head += '(';
  for (const std::string& key : keys) head.append(key) += ' ';
  head += ')';
  work.spend(static_cast<int64_t>(head.size() / 16));
  return head;
}

std::vector<std::string> keys_of(const std::vector<Expr>& args, Work& work) {
  std::vector<std::string> keys;
  keys.reserve(args.size());
  for (const Expr& argument : args) keys.push_back(canonical_key(argument, work));
  return keys;
}

/// Numbers of a sum or product folded into one, the rest sorted.
std::string folded_key(const Expr& e, Work& work) {
  const bool sum = is(e, Kind::kAdd);
  std::vector<Expr> args;
  flatten(e, e->kind, args);
  Rational constant(sum ? 0 : 1);
  std::vector<std::string> keys;
  for (const Expr& argument : args) {
    if (!is(argument, Kind::kNumber)) {
      keys.push_back(canonical_key(argument, work));
    } else if (sum) {
      constant += argument->number;
    } else {
      constant *= argument->number;
    }
    work.spend(1 + static_cast<int64_t>(mpz_size(constant.get_den_mpz_t()) + mpz_size(constant.get_num_mpz_t())));
  }
  if (constant != (sum ? 0 : 1) || keys.empty()) keys.push_back(constant.get_str());
  if (keys.size() == 1) return keys[0];
  return joined(sum ? "+" : "*", std::move(keys), true, work);
}

}  // namespace

Expr node(Kind kind, std::vector<Expr> args, int code, std::string name) {
  return std::make_shared<const Node>(
      Node{.kind = kind, .code = code, .name = std::move(name), .args = std::move(args)});
}

Expr number(Rational value, int places) {
  return std::make_shared<const Node>(Node{.kind = Kind::kNumber, .places = places, .number = std::move(value)});
}

Expr symbol(std::string name) {
  return node(Kind::kSymbol, {}, 0, std::move(name));
}

Expr text(std::string words) {
  return node(Kind::kText, {}, 0, std::move(words));
}

Expr call(Function function, std::vector<Expr> args) {
  return node(Kind::kFunction, std::move(args), static_cast<int>(function));
}

Expr add(std::vector<Expr> args) {
  return args.size() == 1 ? args[0] : node(Kind::kAdd, std::move(args));
}

Expr multiply(std::vector<Expr> args) {
  return args.size() == 1 ? args[0] : node(Kind::kMul, std::move(args));
}

Expr negate(Expr value) {
  if (is(value, Kind::kNumber)) return number(-value->number, value->places);
  return multiply({number(-1), std::move(value)});
}

Expr subtract(Expr a, Expr b) {
  return add({std::move(a), negate(std::move(b))});
}

Expr divide(Expr a, Expr b) {
  return multiply({std::move(a), power(std::move(b), number(-1))});
}

Expr power(Expr base, Expr exponent) {
  return node(Kind::kPow, {std::move(base), std::move(exponent)});
}

Expr with_args(const Expr& e, std::vector<Expr> args) {
  Node copy{.kind = e->kind,
            .code = e->code,
            .places = e->places,
            .number = e->number,
            .name = e->name,
            .args = std::move(args),
            .relations = e->relations};
  return std::make_shared<const Node>(std::move(copy));
}

std::string canonical_key(const Expr& e, Work& work) {
  work.spend(4);
  switch (e->kind) {
    case Kind::kNumber:
      return e->number.get_str();
    case Kind::kSymbol:
      return e->name;
    case Kind::kAdd:
    case Kind::kMul:
      return folded_key(e, work);
    case Kind::kPow: {
      auto keys = keys_of(e->args, work);
      if (keys[1] == "1") return keys[0];
      return joined("^", std::move(keys), false, work);
    }
    case Kind::kChain: {
      std::string head = "chain";
      for (const Relation relation : e->relations) head += static_cast<char>('A' + static_cast<int>(relation));
      return joined(std::move(head), keys_of(e->args, work), false, work);
    }
    default: {
      const bool sorted = is(e, Kind::kSet) || is(e, Kind::kList) || is(e, Kind::kUnion) || is(e, Kind::kIntersect);
      std::string head =
          "#" + std::to_string(static_cast<int>(e->kind)) + "." + std::to_string(e->code) + ":" + e->name;
      return joined(std::move(head), keys_of(e->args, work), sorted, work);
    }
  }
}

bool is_scalar(const Expr& e) {
  switch (e->kind) {
    case Kind::kNumber:
    case Kind::kSymbol:
    case Kind::kInfinity:
    case Kind::kBaseNumber:
    case Kind::kBig:
    case Kind::kApply:
      return true;
    case Kind::kFunction:
      if (e->function() == Function::kDet) return true;
      [[fallthrough]];
    case Kind::kAdd:
    case Kind::kMul:
    case Kind::kPow:
    case Kind::kPlusMinus:
    case Kind::kQuantity:
      return std::all_of(e->args.begin(), e->args.end(), is_scalar);
    default:
      return false;
  }
}

bool contains(const Expr& e, Kind kind) {
  return is(e, kind) || std::any_of(e->args.begin(), e->args.end(), [&](const Expr& a) { return contains(a, kind); });
}

void collect_symbols(const Expr& e, std::vector<std::string>& names) {
  if (is(e, Kind::kSymbol) && !is_constant(e->name) && std::find(names.begin(), names.end(), e->name) == names.end() &&
      names.size() < kMaxElements) {
    names.push_back(e->name);
  }
  for (const Expr& argument : e->args) collect_symbols(argument, names);
}

bool has_symbols(const Expr& e) {
  if (is(e, Kind::kSymbol)) return !is_constant(e->name);
  if (is(e, Kind::kApply)) return true;
  return std::any_of(e->args.begin(), e->args.end(), has_symbols);
}

bool uses_imaginary_unit(const Expr& e) {
  if (is(e, Kind::kSymbol)) return e->name == "i";
  return std::any_of(e->args.begin(), e->args.end(), uses_imaginary_unit);
}

Expr rename(const Expr& e, const std::vector<std::pair<std::string, std::string>>& names, Work& work) {
  work.spend(2);
  if (is(e, Kind::kSymbol)) {
    for (const auto& [from, to] : names) {
      if (e->name == from) return symbol(to);
    }
    return e;
  }
  if (e->args.empty()) return e;
  std::vector<Expr> args;
  for (const Expr& argument : e->args) args.push_back(rename(argument, names, work));
  return with_args(e, std::move(args));
}

}  // namespace hone::math

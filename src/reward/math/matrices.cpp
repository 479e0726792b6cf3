#include "reward/math/compare.h"

namespace hone::math {
namespace {

size_t rows(const Expr& m) {
  return m->args.size() / static_cast<size_t>(m->code);
}

Expr product(const Expr& a, const Expr& b, Work& work) {
  const auto inner = static_cast<size_t>(a->code), columns = static_cast<size_t>(b->code);
  if (inner != rows(b) || rows(a) * columns > kMaxElements) return nullptr;
  std::vector<Expr> out;
  for (size_t i = 0; i < rows(a); ++i) {
    for (size_t j = 0; j < columns; ++j) {
      std::vector<Expr> terms;
      for (size_t k = 0; k < inner; ++k) terms.push_back(multiply({a->args[i * inner + k], b->args[k * columns + j]}));
      work.spend(static_cast<int64_t>(inner) * 8);
      out.push_back(add(std::move(terms)));
    }
  }
  return node(Kind::kMatrix, std::move(out), static_cast<int>(columns));
}

Expr scaled(const Expr& m, const Expr& factor) {
  std::vector<Expr> out;
  for (const Expr& entry : m->args) out.push_back(multiply({factor, entry}));
  return node(Kind::kMatrix, std::move(out), m->code);
}

Expr sum(const Expr& e, Work& work) {
  Expr total;
  for (const Expr& argument : e->args) {
    const Expr m = matrix_value(argument, work);
    if (!m || (total && (total->code != m->code || total->args.size() != m->args.size()))) return nullptr;
    if (!total) {
      total = m;
      continue;
    }
    std::vector<Expr> out;
    for (size_t i = 0; i < m->args.size(); ++i) out.push_back(add({total->args[i], m->args[i]}));
    total = node(Kind::kMatrix, std::move(out), m->code);
  }
  return total;
}

}  // namespace

Expr matrix_value(const Expr& e, Work& work) {
  work.spend(10);
  switch (e->kind) {
    case Kind::kMatrix:
      return e;
    case Kind::kAdd:
      return sum(e, work);
    case Kind::kMul: {
      Expr value;
      std::vector<Expr> factors;
      for (const Expr& argument : e->args) {
        if (!contains(argument, Kind::kMatrix) || is_scalar(argument)) {
          factors.push_back(argument);
          continue;
        }
        const Expr m = matrix_value(argument, work);
        value = !m ? nullptr : !value ? m : product(value, m, work);
        if (!value) return nullptr;
      }
      if (!value) return nullptr;
      return factors.empty() ? value : scaled(value, multiply(std::move(factors)));
    }
    case Kind::kPow: {
      const Expr base = matrix_value(e->args[0], work), &exponent = e->args[1];
      if (!base || !is(exponent, Kind::kNumber) || exponent->number < 1 || exponent->number > 6 ||
          exponent->number.get_den() != 1)
        return nullptr;
      if (base->args.size() > 36) return nullptr;
      Expr value = base;
      for (int i = 1; value && i < exponent->number.get_num(); ++i) value = product(value, base, work);
      return value;
    }
    case Kind::kFunction: {
      if (e->function() != Function::kTranspose || !is(e->args[0], Kind::kMatrix)) return nullptr;
      const Expr& m = e->args[0];
      const auto columns = static_cast<size_t>(m->code);
      std::vector<Expr> out;
      for (size_t j = 0; j < columns; ++j) {
        for (size_t i = 0; i < rows(m); ++i) out.push_back(m->args[i * columns + j]);
      }
      return node(Kind::kMatrix, std::move(out), static_cast<int>(rows(m)));
    }
    default:
      return nullptr;
  }
}

}  // namespace hone::math

#include "tokenizer/chat_template/scopes.h"

#include <map>
#include <set>
#include <string>

namespace hone::jinja {
namespace {

/// What is known of the names of a block.
class Names {
 public:
  explicit Names(const Names* parent) : parent_(parent) {}
  /// A branch of an if in the same scope: it knows what `base` knows, and what it learns is its own until merge().
  static Names branch_of(const Names& base) {
    Names branch(base.parent_);
    branch.base_ = &base;
    return branch;
  }

  void load(const std::string& name) {
    if (!knows(name)) hidden_[name] = false;
  }

  void store(const std::string& name) {
    stores_.insert(name);
    if (!knows_here(name)) hidden_[name] = parent_ == nullptr || !parent_->knows(name);
  }

  void parameter(const std::string& name) {
    stores_.insert(name);
    hidden_[name] = false;
  }

  /// After an if: what only some of its three branches set may be the caller's.
  void merge(const std::vector<const Names*>& branches) {
    std::map<std::string, size_t> counts;
    for (const Names* branch : branches) {
      if (branch == nullptr) continue;  // an empty one
      for (const std::string& name : branch->stores_) {
        if (!stores(name)) ++counts[name];
      }
    }
    for (const Names* branch : branches) {
      if (branch == nullptr) continue;
      for (const auto& [name, hidden] : branch->hidden_) hidden_[name] = hidden;
      stores_.insert(branch->stores_.begin(), branch->stores_.end());
    }
    for (const auto& [name, count] : counts) {
      if (count < branches.size()) hidden_[name] = false;
    }
  }

  std::vector<std::string> hidden() const {
    std::vector<std::string> names;
    for (const auto& [name, is_hidden] : hidden_) {
      if (is_hidden) names.push_back(name);
    }
    return names;
  }

 private:
  bool knows_here(const std::string& name) const {
    return hidden_.contains(name) || (base_ != nullptr && base_->knows_here(name));
  }
  bool knows(const std::string& name) const { return knows_here(name) || (parent_ != nullptr && parent_->knows(name)); }
  bool stores(const std::string& name) const {
    return stores_.contains(name) || (base_ != nullptr && base_->stores(name));
  }

  const Names* parent_;
  const Names* base_ = nullptr;
  std::map<std::string, bool> hidden_;
  std::set<std::string> stores_;
};

void read(const Expression* node, Names& names) {
  if (node == nullptr) return;
  if (node->kind == Expression::Kind::kName || node->kind == Expression::Kind::kMember) names.load(node->name);
  for (const ExpressionPtr& operand : node->operands) read(operand.get(), names);
  for (const ExpressionPtr& argument : node->arguments.positional) read(argument.get(), names);
  for (const auto& [name, argument] : node->arguments.named) read(argument.get(), names);
  read(node->arguments.star.get(), names);
  read(node->arguments.double_star.get(), names);
}

template <typename Use>
void each_target(const Expression& target, Names& names, Use use) {
  if (target.kind == Expression::Kind::kName) {
    use(target.name);
  } else if (target.kind == Expression::Kind::kMember) {
    names.load(target.name);
  } else {
    for (const ExpressionPtr& part : target.operands) each_target(*part, names, use);
  }
}

void write(const Expression& target, Names& names) {
  each_target(target, names, [&](const std::string& name) { names.store(name); });
}

void declare(const Expression& target, Names& names) {
  each_target(target, names, [&](const std::string& name) { names.parameter(name); });
}

void visit(const Block& block, Names& names);

void visit_if(const Statement& statement, Names& names) {
  read(statement.branches.front().condition.get(), names);
  Names first = Names::branch_of(names), between = Names::branch_of(names), otherwise = Names::branch_of(names);
  visit(statement.branches.front().body, first);
  for (size_t i = 1; i < statement.branches.size(); ++i) {
    const Statement::Branch& branch = statement.branches[i];
    if (branch.condition == nullptr) {
      visit(branch.body, otherwise);
      continue;
    }
    // Jinja sees an elif as an if of its own in the second branch.
    read(branch.condition.get(), between);
    Names body = Names::branch_of(between);
    visit(branch.body, body);
    between.merge({&body, nullptr, nullptr});
  }
  names.merge({&first, &between, &otherwise});
}

/// The names that a block uses in its own scope, not in those within.
void visit(const Block& block, Names& names) {
  for (const auto& statement : block) {
    switch (statement->kind) {
      case Statement::Kind::kIf:
        visit_if(*statement, names);
        break;
      case Statement::Kind::kSet:
        read(statement->expression.get(), names);
        write(*statement->target, names);
        break;
      case Statement::Kind::kSetBlock:
        write(*statement->target, names);
        break;
      case Statement::Kind::kMacro:
        names.store(statement->name);
        break;
      case Statement::Kind::kWith:
        for (const ExpressionPtr& value : statement->defaults) read(value.get(), names);
        break;
      default:  // prints, what a loop goes over, calls and filters
        read(statement->expression.get(), names);
    }
  }
}

void descend(Block& block, const Names& names);

/// A scope of its own: `names` holds its parameters already.
std::vector<std::string> analyze(Block& body, Names names) {
  visit(body, names);
  descend(body, names);
  return names.hidden();
}

void analyze_inner(Statement& statement, const Names& outer) {
  Names names(&outer);
  switch (statement.kind) {
    case Statement::Kind::kFor:
      declare(*statement.target, names);
      names.parameter("loop");
      statement.hidden_otherwise = analyze(statement.otherwise, Names(&outer));
      break;
    case Statement::Kind::kMacro:
    case Statement::Kind::kCallBlock:
    case Statement::Kind::kGeneration:
      if (statement.uses_caller) names.parameter("caller");
      if (statement.uses_kwargs) names.parameter("kwargs");
      if (statement.uses_varargs) names.parameter("varargs");
      [[fallthrough]];
    case Statement::Kind::kWith:
      for (const ExpressionPtr& parameter : statement.parameters) declare(*parameter, names);
      // The values of a with are read outside, defaults inside: one that the body sets later is the caller's until
      // then.
      if (statement.kind == Statement::Kind::kWith) break;
      for (const ExpressionPtr& value : statement.defaults) read(value.get(), names);
      break;
    case Statement::Kind::kSetBlock:
    case Statement::Kind::kFilterBlock:
      break;
    default:
      return;
  }
  statement.hidden = analyze(statement.body, std::move(names));
}

/// The scopes within a block, once all of its own names are known.
void descend(Block& block, const Names& names) {
  for (const auto& statement : block) {
    for (Statement::Branch& branch : statement->branches) descend(branch.body, names);
    analyze_inner(*statement, names);
  }
}

}  // namespace

void find_hidden_names(Template& root) {
  root.hidden = analyze(root.block, Names(nullptr));
}

}  // namespace hone::jinja

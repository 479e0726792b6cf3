#include "reward/math/commands.h"

#include <string>
#include <unordered_map>

namespace hone::math {
namespace {

using Table = std::unordered_map<std::string_view, Command>;

constexpr Command token(Token t, int code = 0, std::string_view text = {}) {
  return {Action::kToken, t, code, text};
}
constexpr Command function(Function f) {
  return token(Token::kFunction, static_cast<int>(f));
}
constexpr Command relation(Relation r) {
  return token(Token::kRelation, static_cast<int>(r));
}

constexpr std::pair<std::string_view, Function> kFunctions[] = {
    {"abs", Function::kAbs},         {"floor", Function::kFloor},     {"ceil", Function::kCeil},
    {"gcd", Function::kGcd},         {"lcm", Function::kLcm},         {"min", Function::kMin},
    {"max", Function::kMax},         {"exp", Function::kExp},         {"ln", Function::kLog},
    {"sin", Function::kSin},         {"cos", Function::kCos},         {"tan", Function::kTan},
    {"cot", Function::kCot},         {"sec", Function::kSec},         {"csc", Function::kCsc},
    {"arcsin", Function::kArcsin},   {"arccos", Function::kArccos},   {"arctan", Function::kArctan},
    {"asin", Function::kArcsin},     {"acos", Function::kArccos},     {"atan", Function::kArctan},
    {"arccot", Function::kArccot},   {"arcsec", Function::kArcsec},   {"arccsc", Function::kArccsc},
    {"sinh", Function::kSinh},       {"cosh", Function::kCosh},       {"tanh", Function::kTanh},
    {"coth", Function::kCoth},       {"arcsinh", Function::kArcsinh}, {"arccosh", Function::kArccosh},
    {"arctanh", Function::kArctanh}, {"asinh", Function::kArcsinh},   {"acosh", Function::kArccosh},
    {"atanh", Function::kArctanh},   {"arsinh", Function::kArcsinh},  {"arcosh", Function::kArccosh},
    {"artanh", Function::kArctanh},  {"tg", Function::kTan},          {"ctg", Function::kCot},
    {"cosec", Function::kCsc},       {"arctg", Function::kArctan},    {"Re", Function::kRe},
    {"Im", Function::kIm},           {"arg", Function::kArg},         {"sgn", Function::kSign},
    {"det", Function::kDet},         {"sign", Function::kSign},
};
// Of these names the plain form is too likely something else.
constexpr bool only_command(std::string_view name) {
  return name == "Re" || name == "Im" || name == "arg" || name == "tg" || name == "ctg" || name == "sign" ||
         name == "det";
}

constexpr std::string_view kGreek[] = {
    "alpha", "beta",  "gamma",   "delta",  "epsilon", "zeta",     "eta",     "theta",   "iota",  "kappa", "lambda",
    "mu",    "nu",    "xi",      "rho",    "sigma",   "tau",      "upsilon", "phi",     "chi",   "psi",   "omega",
    "Gamma", "Delta", "Theta",   "Lambda", "Xi",      "Pi",       "Sigma",   "Upsilon", "Phi",   "Psi",   "Omega",
    "ell",   "hbar",  "partial", "nabla",  "angle",   "triangle", "star",    "propto",  "aleph", "Box",   "square",
};

constexpr std::string_view kSkipped[] = {
    "displaystyle", "textstyle",
    "scriptstyle",  "limits",
    "nolimits",     "big",
    "Big",          "bigg",
    "Bigg",         "bigl",
    "bigr",         "Bigl",
    "Bigr",         "biggl",
    "biggr",        "Biggl",
    "Biggr",        "bigm",
    "therefore",    "boxed",
    "fbox",         "mathbf",
    "boldsymbol",   "bm",
    "mathit",       "mathcal",
    "mathnormal",   "bf",
    "rm",           "it",
    "ensuremath",   "middle",
    "because",      "implicit",
    "mathopen",     "mathclose",
    "mathord",      "mathbin",
    "mathrel",      "underline",
    "overparen",    "mathop",
    "cal",          "sf",
    "tt",           "scriptscriptstyle",
    "strut",
};
constexpr std::string_view kSpacing[] = {"quad",    "qquad",  "thinspace", "medspace", "thickspace",
                                         "enspace", "enskip", "hfill",     "newline",  "negthinspace",
                                         "space",   "hskip",  "allowbreak"};
constexpr std::string_view kWithArgument[] = {"hspace",   "vspace",   "label", "tag", "color", "textcolor", "phantom",
                                              "hphantom", "vphantom", "kern",  "ref", "mskip", "cite"};
constexpr std::string_view kTexts[] = {"text",   "textbf",       "textit", "textrm", "mbox",   "hbox",
                                       "mathrm", "operatorname", "textsf", "texttt", "mathsf", "mathtt",
                                       "emph",   "textnormal",   "textup", "textsc", "textmd", "textsl"};
constexpr std::string_view kAccents[] = {"dot",   "ddot",           "hat",           "widehat",  "tilde", "widetilde",
                                         "vec",   "overrightarrow", "overleftarrow", "overline", "bar",   "check",
                                         "acute", "overarc",        "wideparen",     "mathring", "breve"};
constexpr std::pair<std::string_view, Relation> kRelations[] = {
    {"le", Relation::kLessEqual},
    {"leq", Relation::kLessEqual},
    {"leqslant", Relation::kLessEqual},
    {"leqq", Relation::kLessEqual},
    {"ge", Relation::kGreaterEqual},
    {"geq", Relation::kGreaterEqual},
    {"geqslant", Relation::kGreaterEqual},
    {"geqq", Relation::kGreaterEqual},
    {"lt", Relation::kLess},
    {"gt", Relation::kGreater},
    {"ll", Relation::kLess},
    {"gg", Relation::kGreater},
    {"ne", Relation::kNotEqual},
    {"neq", Relation::kNotEqual},
    {"approx", Relation::kApprox},
    {"simeq", Relation::kApprox},
    {"doteq", Relation::kApprox},
    {"fallingdotseq", Relation::kApprox},
    {"equiv", Relation::kEquivalent},
    {"cong", Relation::kSimilar},
    {"sim", Relation::kSimilar},
    {"in", Relation::kIn},
    {"notin", Relation::kNotIn},
    {"subset", Relation::kSubset},
    {"subseteq", Relation::kSubset},
    {"parallel", Relation::kParallel},
    {"perp", Relation::kPerpendicular},
    {"to", Relation::kMaps},
    {"rightarrow", Relation::kMaps},
    {"mapsto", Relation::kMaps},
    {"longrightarrow", Relation::kMaps},
    {"Rightarrow", Relation::kImplies},
    {"implies", Relation::kImplies},
    {"iff", Relation::kImplies},
    {"Leftrightarrow", Relation::kImplies},
    {"Longrightarrow", Relation::kImplies},
    {"coloneqq", Relation::kEqual},
    {"triangleq", Relation::kEqual},
};
constexpr std::pair<std::string_view, Command> kOthers[] = {
    {"left", {Action::kDelimiter}},
    {"right", {Action::kDelimiter}},
    {"frac", token(Token::kFraction)},
    {"dfrac", token(Token::kFraction)},
    {"tfrac", token(Token::kFraction)},
    {"cfrac", token(Token::kFraction)},
    {"sfrac", token(Token::kFraction)},
    {"nicefrac", token(Token::kFraction)},
    {"sqrt", token(Token::kRoot, 2)},
    {"surd", token(Token::kRoot, 2)},
    {"cbrt", token(Token::kRoot, 3)},
    {"binom", token(Token::kBinomial)},
    {"dbinom", token(Token::kBinomial)},
    {"tbinom", token(Token::kBinomial)},
    {"over", token(Token::kInfix, 0)},
    {"choose", token(Token::kInfix, 1)},
    {"log", token(Token::kFunction, -1)},
    {"lg", token(Token::kFunction, -1)},
    {"times", token(Token::kTimes)},
    {"cdot", token(Token::kTimes)},
    {"ast", token(Token::kTimes)},
    {"bullet", token(Token::kTimes)},
    {"dotsm", token(Token::kSymbol, 0, "dots")},
    {"div", token(Token::kDivide)},
    {"pm", token(Token::kPlusMinus, 1)},
    {"mp", token(Token::kPlusMinus, -1)},
    {"pi", token(Token::kSymbol, 0, "pi")},
    {"imath", token(Token::kSymbol, 0, "i")},
    {"varphi", token(Token::kSymbol, 0, "phi")},
    {"vartheta", token(Token::kSymbol, 0, "theta")},
    {"varepsilon", token(Token::kSymbol, 0, "epsilon")},
    {"varrho", token(Token::kSymbol, 0, "rho")},
    {"varnothing", token(Token::kEmptySet)},
    {"emptyset", token(Token::kEmptySet)},
    {"O", token(Token::kEmptySet)},
    {"infty", token(Token::kInfinity)},
    {"cup", token(Token::kUnion)},
    {"bigcup", token(Token::kUnion)},
    {"cap", token(Token::kIntersect)},
    {"setminus", token(Token::kSetMinus)},
    {"backslash", token(Token::kSetMinus)},
    {"smallsetminus", token(Token::kSetMinus)},
    {"lbrace", token(Token::kOpen, 's')},
    {"rbrace", token(Token::kClose, 's')},
    {"lbrack", token(Token::kOpen, '[')},
    {"rbrack", token(Token::kClose, ']')},
    {"langle", token(Token::kOpen, 'a')},
    {"rangle", token(Token::kClose, 'a')},
    {"lfloor", token(Token::kOpen, 'f')},
    {"rfloor", token(Token::kClose, 'f')},
    {"lceil", token(Token::kOpen, 'c')},
    {"rceil", token(Token::kClose, 'c')},
    {"vert", token(Token::kBar)},
    {"lvert", token(Token::kBar)},
    {"rvert", token(Token::kBar)},
    {"Vert", token(Token::kDoubleBar)},
    {"lVert", token(Token::kDoubleBar)},
    {"rVert", token(Token::kDoubleBar)},
    {"mid", token(Token::kSuchThat)},
    {"circ", token(Token::kDegree)},
    {"degree", token(Token::kDegree)},
    {"textdegree", token(Token::kDegree)},
    {"prime", token(Token::kPrime)},
    {"pounds", token(Token::kMoney, 0, "sterling")},
    {"euro", token(Token::kMoney, 0, "euros")},
    {"yen", token(Token::kMoney, 0, "yuan")},
    {"textdollar", token(Token::kMoney, 0, "dollars")},
    {"sum", token(Token::kBig, static_cast<int>(BigOperator::kSum))},
    {"prod", token(Token::kBig, static_cast<int>(BigOperator::kProduct))},
    {"int", token(Token::kBig, static_cast<int>(BigOperator::kIntegral))},
    {"bmod", token(Token::kMod)},
    {"mod", token(Token::kMod)},
    {"pmod", token(Token::kParenthesizedMod)},
    {"land", token(Token::kSeparator)},
    {"lor", token(Token::kSeparator)},
    {"wedge", token(Token::kSeparator)},
    {"vee", token(Token::kSeparator)},
    {"not", token(Token::kNot)},
    {"neg", token(Token::kNot)},
    {"ldots", token(Token::kSymbol, 0, "dots")},
    {"cdots", token(Token::kSymbol, 0, "dots")},
    {"dots", token(Token::kSymbol, 0, "dots")},
    {"dotsc", token(Token::kSymbol, 0, "dots")},
    {"AA", token(Token::kWord, 0, "angstrom")},
    {"R", token(Token::kNumberSet, 0, "R")},
    {"Z", token(Token::kNumberSet, 0, "Z")},
    {"N", token(Token::kNumberSet, 0, "N")},
    {"Q", token(Token::kNumberSet, 0, "Q")},
    {"C", token(Token::kNumberSet, 0, "C")},
    {"mathbb", token(Token::kNumberSet)},
    {"Bbb", token(Token::kNumberSet)},
    {"begin", token(Token::kBegin)},
    {"end", token(Token::kEndEnvironment)},
};

const Table& commands() {
  static const Table table = [] {
    Table t;
    for (const auto& [name, f] : kFunctions) t.emplace(name, function(f));
    for (const std::string_view name : kGreek) t.emplace(name, token(Token::kSymbol, 0, name));
    for (const std::string_view name : kSkipped) t.emplace(name, Command{Action::kSkip});
    for (const std::string_view name : kSpacing) t.emplace(name, Command{Action::kSpacing});
    for (const std::string_view name : kWithArgument) t.emplace(name, Command{Action::kSkipArgument});
    for (const std::string_view name : kTexts) t.emplace(name, Command{Action::kText});
    for (const std::string_view name : kAccents) t.emplace(name, token(Token::kAccent, 0, name));
    for (const auto& [name, r] : kRelations) t.emplace(name, relation(r));
    for (const auto& [name, command] : kOthers) t.emplace(name, command);
    return t;
  }();
  return table;
}

const Table& plain_names() {
  static const Table table = [] {
    Table t;
    for (const auto& [name, f] : kFunctions) {
      if (!only_command(name)) t.emplace(name, function(f));
    }
    for (const std::string_view name : {"pi", "alpha", "beta", "theta", "phi", "omega", "lambda", "sigma"}) {
      t.emplace(name, token(Token::kSymbol, 0, name));
    }
    t.emplace("factorial", function(Function::kFactorial));
    t.emplace("binomial", function(Function::kBinomial));
    t.emplace("sqrt", token(Token::kRoot, 2));
    t.emplace("cbrt", token(Token::kRoot, 3));
    t.emplace("log", token(Token::kFunction, -1));
    t.emplace("lg", token(Token::kFunction, -1));
    t.emplace("mod", token(Token::kMod));
    for (const std::string_view name : {"infinity", "infty", "inf", "oo", "Infinity"}) {
      t.emplace(name, token(Token::kInfinity));
    }
    for (const std::string_view name : {"and", "or", "AND", "OR"}) t.emplace(name, token(Token::kSeparator));
    t.emplace("union", token(Token::kUnion));
    t.emplace("cup", token(Token::kUnion));
    t.emplace("emptyset", token(Token::kEmptySet));
    return t;
  }();
  return table;
}

}  // namespace

std::optional<Command> find_command(std::string_view name) {
  const auto found = commands().find(name);
  return found == commands().end() ? std::nullopt : std::optional(found->second);
}

size_t command_prefix(std::string_view name) {
  for (size_t n = std::min(name.size(), size_t{16}); n >= 2; --n) {
    if (commands().contains(name.substr(0, n))) return n;
  }
  return 0;
}

std::optional<Command> find_plain_name(std::string_view word) {
  const auto found = plain_names().find(word);
  return found == plain_names().end() ? std::nullopt : std::optional(found->second);
}

}  // namespace hone::math

#include "instructions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "reward/language/identify.h"

namespace hone::ifeval {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostInstructions = 64;
constexpr size_t kMostKeywords = 256;
constexpr size_t kLongestText = 100'000;  // bytes of one argument
constexpr double kLargestNumber = 1e9;

// The arguments of one instruction. The first one that cannot be read is remembered, and a harmless value stands in.
class Arguments {
 public:
  explicit Arguments(const Json& kwargs) : kwargs_(kwargs) {}

  const std::string& problem() const { return problem_; }

  int64_t number(const char* key, int64_t lowest = 0) {
    const Json& value = get(key);
    const double number = value.is_number() ? value.get<double>() : NAN;
    if (!(number >= static_cast<double>(lowest) && number <= kLargestNumber && std::floor(number) == number)) {
      complain(key, "is no whole number in range");
      return lowest;
    }
    return static_cast<int64_t>(number);
  }

  Text text(const char* key) { return text_of(key, get(key)); }

  std::vector<Text> texts(const char* key) {
    const Json& value = get(key);
    if (!value.is_array() || value.size() > kMostKeywords) {
      complain(key, "is no list of texts, or too long");
      return {};
    }
    std::vector<Text> out;
    for (const Json& element : value) out.push_back(text_of(key, element));
    return out;
  }

  // Compares a count with the number `key`.
  std::function<bool(int64_t)> comparison(const char* relation, const char* key) {
    const Json& value = get(relation);
    const bool less = value == "less than";
    if (!less && value != "at least") complain(relation, R"(is neither "less than" nor "at least")");
    return [less, limit = number(key)](int64_t count) { return less ? count < limit : count >= limit; };
  }

  void complain(const char* key, const char* what) {
    if (problem_.empty()) problem_ = fmt::format("'{}' {}", key, what);
  }

 private:
  const Json& get(const char* key) const {
    static const Json nothing;
    const auto found = kwargs_.find(key);
    return found == kwargs_.end() ? nothing : *found;
  }

  Text text_of(const char* key, const Json& value) {
    const auto* const text = value.get_ptr<const std::string*>();
    if (text == nullptr || text->empty() || text->size() > kLongestText) {
      complain(key, "is no text, or empty, or too long");
      return U"?";
    }
    return decode(*text);
  }

  const Json& kwargs_;
  std::string problem_;
};

// A check that compares what `count` gives with a number and a relation.
template <class Count>
Check compared(Arguments& a, const char* relation, const char* key, Count count) {
  return [count, holds = a.comparison(relation, key)](TextView r) { return holds(count(r)); };
}

Check letter_frequency(Arguments& a) {
  const Text letter = a.text("letter");
  if (letter.size() != 1) a.complain("letter", "is not one character");
  return compared(a, "let_relation", "let_frequency", [c = letter[0]](TextView r) { return count_letter(r, c); });
}

Check response_language(Arguments& a) {
  const std::string code = encode(a.text("language"));
  const auto language = language::language_of_code(code.substr(0, code.find('-')));  // zh-cn
  if (!language) a.complain("language", "is no known language");
  return [wanted = language.value_or(RewardLanguage::kEnglish)](TextView r) { return is_in_language(r, wanted); };
}

Check nth_paragraph_first_word(Arguments& a) {
  return [paragraphs = a.number("num_paragraphs"), nth = a.number("nth_paragraph", 1),
          word = a.text("first_word")](TextView r) { return nth_paragraph_starts_with(r, paragraphs, nth, word); };
}

using Factory = Check (*)(Arguments&);
const std::map<std::string_view, Factory> kFactories = {
    {"keywords:existence",
     [](Arguments& a) -> Check {
       return [words = a.texts("keywords")](TextView r) {
         return std::ranges::all_of(words, [&](const Text& word) { return count_keyword(r, word) > 0; });
       };
     }},
    {"keywords:frequency",
     [](Arguments& a) -> Check {
       return compared(a, "relation", "frequency",
                       [word = a.text("keyword")](TextView r) { return count_keyword(r, word); });
     }},
    {"keywords:forbidden_words",
     [](Arguments& a) -> Check {
       return [words = a.texts("forbidden_words")](TextView r) {
         return std::ranges::none_of(words, [&](const Text& word) { return has_word(r, word); });
       };
     }},
    {"keywords:letter_frequency", letter_frequency},
    {"language:response_language", response_language},
    {"length_constraints:number_sentences",
     [](Arguments& a) { return compared(a, "relation", "num_sentences", count_sentences); }},
    {"length_constraints:number_words", [](Arguments& a) { return compared(a, "relation", "num_words", count_words); }},
    {"length_constraints:number_paragraphs",
     [](Arguments& a) -> Check {
       return [n = a.number("num_paragraphs")](TextView r) { return count_starred_paragraphs(r) == n; };
     }},
    {"length_constraints:nth_paragraph_first_word", nth_paragraph_first_word},
    {"detectable_content:number_placeholders",
     [](Arguments& a) -> Check {
       return [n = a.number("num_placeholders")](TextView r) { return count_placeholders(r) >= n; };
     }},
    {"detectable_content:postscript",
     [](Arguments& a) -> Check {
       return [marker = a.text("postscript_marker")](TextView r) { return has_postscript(r, marker); };
     }},
    {"detectable_format:number_bullet_lists",
     [](Arguments& a) -> Check { return [n = a.number("num_bullets")](TextView r) { return count_bullets(r) == n; }; }},
    {"detectable_format:number_highlighted_sections",
     [](Arguments& a) -> Check {
       return [n = a.number("num_highlights")](TextView r) { return count_highlights(r) >= n; };
     }},
    {"detectable_format:multiple_sections",
     [](Arguments& a) -> Check {
       return [splitter = a.text("section_spliter"), n = a.number("num_sections")](TextView r) {
         return count_sections(r, splitter) >= n;
       };
     }},
    {"detectable_format:title", [](Arguments&) -> Check { return has_title; }},
    {"detectable_format:constrained_response", [](Arguments&) -> Check { return is_constrained_answer; }},
    {"detectable_format:json_format", [](Arguments&) -> Check { return is_json; }},
    {"combination:two_responses", [](Arguments&) -> Check { return has_two_responses; }},
    {"combination:repeat_prompt",
     [](Arguments& a) -> Check {
       return [prompt = a.text("prompt_to_repeat")](TextView r) { return repeats_prompt(r, prompt); };
     }},
    {"startend:end_checker",
     [](Arguments& a) -> Check {
       return [phrase = a.text("end_phrase")](TextView r) { return ends_with_phrase(r, phrase); };
     }},
    {"startend:quotation", [](Arguments&) -> Check { return is_quoted; }},
    {"change_case:capital_word_frequency",
     [](Arguments& a) { return compared(a, "capital_relation", "capital_frequency", count_capital_words); }},
    {"change_case:english_capital", [](Arguments&) -> Check { return is_english_capitals; }},
    {"change_case:english_lowercase", [](Arguments&) -> Check { return is_english_lowercase; }},
    {"punctuation:no_comma",
     [](Arguments&) -> Check { return [](TextView r) { return r.find(U',') == TextView::npos; }; }},
};

Instructions unreadable(std::string problem) {
  return {{}, std::move(problem)};
}

}  // namespace

Instructions read_instructions(const Json& record) {
  const Json nothing = Json::array();
  const auto member = [&](const char* key) -> const Json& {
    const auto found = record.find(key);
    return found == record.end() || found->is_null() ? nothing : *found;
  };
  const Json &ids = member("instruction_id_list"), &kwargs = member("kwargs");
  if (!ids.is_array() || ids.empty()) return unreadable("the record has no list 'instruction_id_list'");
  if (ids.size() > kMostInstructions) return unreadable("'instruction_id_list' is too long");
  if (!kwargs.is_array()) return unreadable("'kwargs' is no list");
  if (!kwargs.empty() && kwargs.size() != ids.size()) return unreadable("'kwargs' is not as long as the instructions");

  Instructions out;
  const Json no_arguments = Json::object();
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto* const id = ids[i].get_ptr<const std::string*>();
    const auto factory = id != nullptr ? kFactories.find(*id) : kFactories.end();
    if (factory == kFactories.end()) return unreadable(fmt::format("instruction {}: no known type", i));
    const Json& given = kwargs.empty() || kwargs[i].is_null() ? no_arguments : kwargs[i];
    if (!given.is_object()) return unreadable(fmt::format("{}: its kwargs are no map", *id));
    Arguments arguments(given);
    Check check = factory->second(arguments);
    if (!arguments.problem().empty()) return unreadable(fmt::format("{}: {}", *id, arguments.problem()));
    out.all.push_back({*id, std::move(check)});
  }
  return out;
}

}  // namespace hone::ifeval

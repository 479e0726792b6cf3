#include "hone/reward/config.h"

namespace hone {
namespace {

void describe_opened(ConfigVisitor& v, bool& opened) {
  v.field("think_opened_by_prompt", opened, any_value(), "",
          "The template ends with <think>, so that a completion begins inside its thinking.");
}
void describe_source(ConfigVisitor& v, AnswerSource& c) {
  v.field(
      "answer_in", c.answer_in, any_value(), "",
      "Where the answer stands after the thinking: the last <answer> block (tags), the last \\boxed{} (box), all of "
      "it (text), or the first of these that there is (auto).");
  describe_opened(v, c.think_opened_by_prompt);
}
void describe_of(ConfigVisitor& v, std::string& of) {
  v.field(
      "of", of, any_value(), "",
      "The reward that says what is right: the name of another one of the list, or a type, which is then taken with "
      "its defaults.");
}
void describe_unit(ConfigVisitor& v, LengthUnit& unit) {
  v.field("unit", unit, any_value(), "", "What a length is counted in.");
}

}  // namespace

void describe(ConfigVisitor&, AccuracyReward&) {}
void describe(ConfigVisitor&, ChatQualityReward&) {}
void describe(ConfigVisitor& v, FormatReward& c) {
  v.field("require_thinking", c.require_thinking, any_value(), "", "Gives nothing where the thinking is empty.");
  v.field("answer_tags", c.answer_tags, any_value(), "",
          "What follows the thinking must be one <answer> block; off, it may be any text but none.");
  describe_opened(v, c.think_opened_by_prompt);
}
void describe(ConfigVisitor& v, LanguageConsistencyReward& c) {
  v.field("target", c.target, any_value(), "", "The language that is wanted; null for the language of the prompt.");
}
void describe(ConfigVisitor& v, SoftOverlongReward& c) {
  v.field("max_length", c.max_length, at_least(1), "tokens",
          "Completions of this length or longer get -1; null for sampling.max_completion_length.");
  v.required("cache", c.cache, at_least(1), "tokens",
             "Length before max_length over which the reward falls from 0 to -1.");
}
void describe(ConfigVisitor& v, MathReward& c) {
  v.field("answer", c.answer, any_value(), "",
          "Where the answer stands: the last box or answer block (boxed), also in free text (text), or the whole text "
          "(bare).");
  v.field("thinking_required", c.thinking_required, any_value(), "",
          "Gives nothing where no </think> stands; for templates that open the thinking themselves.");
  v.field("decimals", c.decimals, between(1, 30), "",
          "A decimal of so many places or more may stand for what it rounds.");
  v.field("relation_for_set", c.relation_for_set, any_value(), "",
          "Takes 1 < x < 2 where the gold is the interval (1, 2).");
  v.field("variable_names_matter", c.variable_names_matter, any_value(), "", "Off, f(x) and f(y) are the same answer.");
}
void describe(ConfigVisitor& v, CodeReward& c) {
  v.field("cpu_seconds", c.cpu_seconds, above_up_to(0, 3600), "seconds", "CPU time of one run of a program.");
  v.field("wall_seconds", c.wall_seconds, above_up_to(0, 3600), "seconds", "Time of one run by the clock.");
  v.field("memory_mebibytes", c.memory_mebibytes, between(16, 1 << 20), "MiB", "Memory of all processes of one run.");
  v.field("partial_credit", c.partial_credit, any_value(), "",
          "Pays the share of tests passed instead of all or nothing.");
  v.field("comparison", c.comparison, any_value(), "", "What of an output must be equal: its words or its lines.");
  v.field("float_tolerance", c.float_tolerance, at_least(0), "",
          "Absolute and relative error allowed in numbers of an output; null for none. For comparison: tokens.");
  v.field("jobs", c.jobs, between(1, 4096), "programs",
          "Programs that run at the same time; null for one a processor.");
  v.field("python", c.python, any_value(), "", "Interpreter for Python programs; null for the system's.");
}
void describe(ConfigVisitor& v, TagCountReward& c) {
  describe_opened(v, c.think_opened_by_prompt);
}
void describe(ConfigVisitor& v, CodeFormatReward& c) {
  v.field("language", c.language, any_value(), "",
          "The word after the fence, such as python; null for the record's `language`.");
  describe_opened(v, c.think_opened_by_prompt);
}
void describe(ConfigVisitor& v, ReasoningStepsReward& c) {
  v.field("steps", c.steps, at_least(1), "", "So many marks of steps pay 1; fewer pay their share.");
}
void describe(ConfigVisitor& v, CosineReward& c) {
  describe_of(v, c.of);
  describe_unit(v, c.unit);
  v.field("max_length", c.max_length, at_least(1), "",
          "Where the cosine ends; longer completions count as this long; null for sampling.max_completion_length.");
  v.field("min_value_correct", c.min_value_correct, any_value(), "", "Of a right answer of max_length.");
  v.field("max_value_correct", c.max_value_correct, any_value(), "", "Of a right answer of length 0.");
  v.field("min_value_wrong", c.min_value_wrong, any_value(), "", "Of a wrong answer of length 0.");
  v.field("max_value_wrong", c.max_value_wrong, any_value(), "", "Of a wrong answer of max_length.");
}
void describe(ConfigVisitor& v, LengthReward& c) {
  describe_of(v, c.of);
  describe_unit(v, c.unit);
}
void describe(ConfigVisitor& v, LengthTargetReward& c) {
  describe_of(v, c.of);
  describe_unit(v, c.unit);
  v.field("target", c.target, at_least(1), "", "The length that is wanted; null for the record's `target_length`.");
  v.field(
      "bound", c.bound, any_value(), "",
      "A loss for every unit too long or too short (exact), or for right answers a bonus for being short (at_most).");
  v.field("slope", c.slope, at_least(0), "", "What one unit of length is worth.");
}
void describe(ConfigVisitor& v, RepetitionReward& c) {
  v.field("ngram_size", c.ngram_size, between(1, 64), "", "Words or tokens in a run that should not come again.");
  v.field("max_penalty", c.max_penalty, Range{.max = 0}, "", "What a text of nothing but repetition comes near to.");
  v.field("unit", c.unit, any_value(), "", "Counts runs of words, or of tokens.");
}
void describe(ConfigVisitor& v, ExactMatchReward& c) {
  describe_source(v, c.source);
  v.field("ignore_case", c.ignore_case, any_value(), "", "Upper and lower case are the same.");
  v.field("ignore_punctuation", c.ignore_punctuation, any_value(), "", "Punctuation does not count.");
  v.field("ignore_articles", c.ignore_articles, any_value(), "", "The words a, an and the do not count.");
}
void describe(ConfigVisitor& v, RegexReward& c) {
  v.field("pattern", c.pattern, any_value(), "",
          "In RE2's syntax; null for the record's `answer`, any of them when it is a list.");
  v.field("part", c.part, any_value(), "", "The part of the completion that is searched.");
  v.field("full", c.full, any_value(), "", "The whole part must match, white space at its ends apart.");
  v.field("answer_group", c.answer_group, between(0, 100), "",
          "This group of the last match must be the record's `answer`; null where a match is enough. Needs a pattern.");
  describe_opened(v, c.think_opened_by_prompt);
}
void describe(ConfigVisitor& v, MultipleChoiceReward& c) {
  describe_source(v, c.source);
}
void describe(ConfigVisitor& v, CountdownReward& c) {
  describe_source(v, c.source);
}
void describe(ConfigVisitor& v, CommandReward& c) {
  v.required("argv", c.argv, any_value(), "", "The program and its arguments; no shell is in between.");
  v.field("jobs", c.jobs, between(1, 4096), "", "Processes of the program that work at the same time.");
  v.field("timeout", c.timeout, above_up_to(0, 86400), "seconds", "Time for one completion.");
}
void describe(ConfigVisitor& v, IfevalReward& c) {
  v.field("mode", c.mode, any_value(), "",
          "How a text is read: loose forgives a first line, a last line and asterisks, as in the paper.");
  v.field("value", c.value, any_value(), "",
          "What it is worth: all gives 1 when every instruction is followed, share the share that is.");
}
void describe(ConfigVisitor& v, ModelReward& c) {
  v.required("path", c.path, any_value(), "", "Model folder of the sequence classifier.");
  v.field("template", c.text_template, any_value(), "",
          "Text with {{prompt}} and {{completion}} that is scored; null for the two as they are, as ids.");
  v.field("part", c.part, any_value(), "", "What is scored: the completion, or the answer after its thinking.");
  v.field("squash", c.squash, any_value(), "", "What becomes of a score: nothing, or 1 / (1 + exp(-score)).");
  v.field("max_tokens", c.max_tokens, at_least(1), "tokens",
          "Longer texts have no value; null for the positions of the model.");
}
void describe(ConfigVisitor& v, JudgeReward& c) {
  v.required("url", c.url, any_value(), "", "Address of an OpenAI-compatible API: https://HOST/v1.");
  v.required("model", c.model, any_value(), "", "Name of the model there.");
  v.required("prompt", c.prompt, any_value(), "",
             "What it is asked; {{prompt}}, {{completion}} and {{answer}} are filled in.");
  v.field("api_key_env", c.api_key_env, any_value(), "",
          "Name of the environment variable that holds the key; null to send none.");
  v.field("pattern", c.pattern, any_value(), "",
          "Regular expression (RE2) whose one group is the score, at its last match; null for the last number.");
  v.field("min", c.min, any_value(), "", "The score that becomes 0.");
  v.field("max", c.max, any_value(), "", "The score that becomes 1.");
  v.field("temperature", c.temperature, at_least(0), "", "Temperature of the judge; null to leave it to the endpoint.");
  v.field("timeout_seconds", c.timeout_seconds, above_up_to(0, 3600), "seconds", "Time of one request.");
  v.field("retries", c.retries, between(0, 100), "requests", "Further tries where a failure may pass (429, 5xx).");
  v.field("jobs", c.jobs, between(1, 4096), "requests", "Requests that wait for an answer at the same time.");
  v.field("cache", c.cache, any_value(), "", "File that keeps replies, so that none is asked for twice.");
  v.field("proxy", c.proxy, any_value(), "", "Proxy to go through; null for none, whatever the environment says.");
}
void describe(ConfigVisitor& v, RewardConfig& c) {
  v.tagged("type", c.parameters, "What is rewarded.");
  v.field("weight", c.weight, any_value(), "", "Factor of this reward in the weighted sum.");
  v.field("name", c.name, any_value(), "", "Name in metrics; null for the type.");
  v.field("sources", c.sources, any_value(), "",
          "Names of the sources whose prompts it is for, 'data' being the stage's own data; empty for all.");
}

}  // namespace hone

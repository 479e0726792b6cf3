// The sections of the stages.
#include "hone/pipeline/config.h"

namespace hone {
namespace {

void describe_name(ConfigVisitor& v, std::string& name) {
  v.field("name", name, any_value(), "", "Part of the stage's folder name; needed in a list of stages, else the type.");
}

void describe_model(ConfigVisitor& v, StageModelConfig& model) {
  v.section("model", model, "A starting model of this stage's own.");
}

void describe_template(ConfigVisitor& v, std::string& prompt_template) {
  v.field(
      "template", prompt_template, any_value(), "",
      "Turns a prompt into the model's input: r1_zero, none, chat (the model's chat template), or a template file.");
}

// Of sections with epochs, examples_per_step and max_length.
template <class C>
void describe_examples(ConfigVisitor& v, C& c) {
  v.field("epochs", c.epochs, above(0), "", "How often the data is gone through, where steps is null.");
  v.field("examples_per_step", c.examples_per_step, at_least(1), "examples", "Examples in one optimizer update.");
  v.field("max_length", c.max_length, at_least(2), "tokens",
          "Longer examples are left out and counted; null for the positions of the model.");
}

void describe_optimizer(ConfigVisitor& v, OptimizerConfig& optimizer) {
  v.section("optimizer", optimizer, "AdamW and its schedule.");
}

void describe_checkpoint(ConfigVisitor& v, CheckpointConfig& checkpoint) {
  v.section("checkpoint", checkpoint, "When state is saved and how much is kept.");
}

// Of stages that train and measure; `steps` stands before.
template <class S>
void describe_end(ConfigVisitor& v, S& c, std::string_view eval) {
  describe_checkpoint(v, c.checkpoint);
  v.section("eval", c.eval, eval);
  v.section("guards", c.guards, "When a run that has gone wrong is stopped.");
}

constexpr std::string_view kHeldOutProblems = "Evaluation on held-out problems.";

}  // namespace

void describe(ConfigVisitor& v, GrpoStage& c) {
  describe_name(v, c.name);
  describe_model(v, c.model);
  v.section("data", c.data, "The problems that are sampled from.");
  v.optional_list("sources", c.sources, "More problems, mixed with those of data; each has the keys of 'data' and:");
  v.section("curriculum", c.curriculum, "Passes over records of files that are too easy or too hard by now.");
  describe_template(v, c.prompt_template);
  v.section("grpo", c.grpo, "Group-relative policy optimisation.");
  v.section("sampling", c.sampling, "How completions are drawn.");
  v.list("rewards", c.rewards, "The rewards; a completion's reward is their weighted sum.");
  describe_optimizer(v, c.optimizer);
  v.required("steps", c.steps, at_least(1), "steps", "Length of the stage.");
  describe_end(v, c, kHeldOutProblems);
}

void describe(ConfigVisitor& v, PretrainStage& c) {
  describe_name(v, c.name);
  v.section("data", c.data, "The documents that are read.");
  v.section("architecture", c.architecture, "Shape of the new model.");
  v.field("documents_per_step", c.documents_per_step, at_least(1), "documents", "Documents in one optimizer update.");
  describe_optimizer(v, c.optimizer);
  v.required("steps", c.steps, at_least(1), "steps", "Length of the stage.");
  describe_end(v, c, kHeldOutProblems);
}

void describe(ConfigVisitor& v, EvalLossConfig& c) {
  v.field("path", c.path, any_value(), "", "File of held-out examples, as in data.path; null for no evaluation.");
  v.field("source", c.source, any_value(), "", "Where the file comes from, as in data.source.");
  v.section("fields", c.fields, "As data.fields, for the file of held-out examples.");
  v.field("split", c.split, any_value(), "", "Part of a built-in set.");
  v.field("examples", c.examples, at_least(1), "examples", "Of the file, from the first on.");
  v.field("every", c.every, at_least(1), "steps",
          "Evaluates also after every so many steps; null for before and after the stage only.");
}

void describe(ConfigVisitor& v, SftConfig& c) {
  describe_examples(v, c);
}

void describe(ConfigVisitor& v, SftStage& c) {
  describe_name(v, c.name);
  describe_model(v, c.model);
  v.section("data", c.data, "The examples: records with a prompt and a completion.");
  describe_template(v, c.prompt_template);
  v.section("sft", c.sft, "Supervised fine-tuning: the loss is on completions only.");
  describe_optimizer(v, c.optimizer);
  v.field("steps", c.steps, at_least(1), "steps", "Length of the stage; null for sft.epochs.");
  describe_end(v, c, "Loss on held-out examples.");
}

void describe(ConfigVisitor& v, RewardModelConfig& c) {
  v.field(
      "objective", c.objective, any_value(), "",
      "Learns from pairs (records with chosen and rejected) or from single completions (with completion and label).");
  v.field("part", c.part, any_value(), "", "What is read: the completion, or the answer after its thinking.");
  describe_examples(v, c);
}

void describe(ConfigVisitor& v, RewardModelStage& c) {
  describe_name(v, c.name);
  describe_model(v, c.model);
  v.section("data", c.data, "The examples: records with a prompt and what is to be compared.");
  describe_template(v, c.prompt_template);
  v.section("reward_model", c.reward_model, "A score for completions, learnt from preferences.");
  describe_optimizer(v, c.optimizer);
  v.field("steps", c.steps, at_least(1), "steps", "Length of the stage; null for reward_model.epochs.");
  describe_end(v, c, "Loss and accuracy on held-out examples.");
}

void describe(ConfigVisitor& v, RejectionSampleConfig& c) {
  v.field("prompts", c.prompts, at_least(1), "prompts", "Prompts in all; null for each record of a file once.");
  v.field("num_generations", c.num_generations, at_least(1), "completions", "Completions sampled for each prompt.");
  v.field("prompts_per_step", c.prompts_per_step, at_least(1), "prompts", "Sampled together; changes speed only.");
  v.field("max_per_prompt", c.max_per_prompt, at_least(1), "examples", "Kept of one prompt, the first ones.");
  v.field("max_examples", c.max_examples, at_least(1), "examples",
          "Ends the stage after the step that reaches so many; null for no limit.");
  v.field("min_reward", c.min_reward, any_value(), "",
          "Least weighted sum of the rewards, beside none of them saying wrong; null for no limit.");
  v.field("min_language_consistency", c.min_language_consistency, between(0, 1), "",
          "Least share of the thinking's words in the language of the question; null for no limit.");
  v.field("max_paragraph_words", c.max_paragraph_words, at_least(1), "words",
          "Longest paragraph (text without a line break) of the thinking; null for no limit.");
  v.field("code_blocks", c.code_blocks, any_value(), "", "Keeps completions with fenced code in the thinking.");
  v.field("max_repetition", c.max_repetition, between(0, 1), "",
          "Largest share of runs of four words that occurred before in the same completion; null for no limit.");
  v.field("min_length", c.min_length, at_least(1), "tokens", "Shorter completions are dropped; null for no limit.");
  v.field("max_length", c.max_length, at_least(1), "tokens", "Longer completions are dropped; null for no limit.");
  v.field(
      "max_similarity", c.max_similarity, between(0, 1), "",
      "A completion more similar (Jaccard index of runs of three words) to a kept one of its prompt is dropped; null "
      "for no limit.");
  v.field("duplicates_over", c.duplicates_over, any_value(), "",
          "Such ones are looked for among the kept completions of the same prompt, or also of all others.");
  v.field(
      "rewrite", c.rewrite, any_value(), "",
      "Rewrites what is kept: none, or chains (statements of builtin:chains in the question's language, in order).");
}

void describe(ConfigVisitor& v, MixConfig& c) {
  v.field("path", c.path, any_value(), "",
          "File of further examples with prompt and completion, as in data.path of an sft stage; null for none.");
  v.field("source", c.source, any_value(), "", "Where the file comes from, as in data.source.");
  v.section("fields", c.fields, "As data.fields, for that file.");
  v.field("share", c.share, {.min = 0, .max = 0.99, .min_excluded = true}, "",
          "Their part of all examples that are written.");
}

void describe(ConfigVisitor& v, RejectionSampleStage& c) {
  describe_name(v, c.name);
  describe_model(v, c.model);
  v.section("data", c.data, "The problems that are sampled from.");
  describe_template(v, c.prompt_template);
  v.section("rejection_sample", c.rejection_sample, "How much is sampled and what is kept.");
  v.section("sampling", c.sampling, "How completions are drawn.");
  v.list("rewards", c.rewards, "A completion that one of them calls wrong or cannot judge is dropped.");
  v.section("mix", c.mix, "Examples from elsewhere that are added.");
  describe_checkpoint(v, c.checkpoint);
}

void describe(ConfigVisitor& v, EvaluatedModelConfig& c) {
  v.required("path", c.path, any_value(), "", "stage:NAME, base, builtin:miniature or a model folder.");
  v.field("source", c.source, any_value(), "", "Where the model comes from, as in the run's model.source.");
  v.field("name", c.name, any_value(), "", "Its name in the table; null for its path.");
  v.field("template", c.prompt_template, any_value(), "", "In place of the stage's template; null for that.");
}

void describe(ConfigVisitor& v, ProtocolConfig& c) {
  v.field("problems", c.problems, at_least(1), "problems", "From the first on; null for all of a file, 256 of others.");
  v.field("num_generations", c.num_generations, at_least(1), "completions", "Completions of each problem.");
  v.field("temperature", c.temperature, between(0, 100), "", "Of these completions; 0 is greedy.");
  v.field("top_p", c.top_p, above_up_to(0, 1), "", "Of these completions.");
  v.field("greedy", c.greedy, any_value(), "", "Measures also one greedy completion of each problem.");
  v.field("max_completion_length", c.max_completion_length, at_least(1), "tokens",
          "Null for what the model's positions leave, at most 32768.");
}

void describe(ConfigVisitor& v, EvalSourceConfig& c) {
  v.required("name", c.name, any_value(), "", "What rewards call it in their `sources`, and the table its lines.");
  describe(v, c.data);
}

void describe(ConfigVisitor& v, EvalStage& c) {
  describe_name(v, c.name);
  v.list("models", c.models, "The models, one column of the table each.");
  v.section("data", c.data, "The problems.");
  v.optional_list("sources", c.sources, "More problems, measured for themselves; each has the keys of 'data' and:");
  describe_template(v, c.prompt_template);
  v.section("eval", c.eval, "The protocol.");
  v.optional_list(
      "rewards", c.rewards,
      "Of those for a source, the first that says what is right gives the accuracy, with a data.format that "
      "of its kind; of the others means are shown.");
  describe_checkpoint(v, c.checkpoint);
}

void describe(ConfigVisitor& v, ExportStage& c) {
  describe_name(v, c.name);
  describe_model(v, c.model);
  v.required("path", c.path, any_value(), "", "Folder for the model: new, empty, or one that this stage wrote before.");
  v.section("checkpoint", c.checkpoint, "Of no effect: the stage is one step.");
}

}  // namespace hone

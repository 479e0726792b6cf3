// The measured profile of a base model of the built-in world: what it does before RL explains every outcome of RL.
#pragma once

#include <cstdint>
#include <string>

#include "hone/data/prompt_template.h"
#include "hone/model/model.h"
#include "hone/tokenizer/tokenizer.h"

namespace hone {

/// Shares and accuracies at temperature 1 on held-out problems of 2 to 5 operations, `samples` of each of `problems`.
struct ChainProfile {
  double tagged = 0, tagged_and_correct = 0;           ///< shares of all completions
  double mean_length = 0, language_consistency = 0;    ///< tokens; over worked answers
  double style_share[4] = {}, style_accuracy[4] = {};  ///< by ChainStyle, with <think> given
  double step_correct[2][3] = {};                      ///< [language][operator] of single statements
};
ChainProfile measure_chain_profile(const Model& model, const Tokenizer& tokenizer,
                                   const PromptTemplate& prompt_template, int64_t problems);
std::string chain_profile(const Model& model, const Tokenizer& tokenizer, const PromptTemplate& prompt_template,
                          int64_t problems);

}  // namespace hone

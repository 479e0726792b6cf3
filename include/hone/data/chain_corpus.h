// The corpus that the built-in base model learns from: a mixture of behaviours, mostly short wrong answers and a
// minority of longer right ones, few tags, two languages. What RL does is re-weighting, so everything that R1-Zero ends
// with must occur here sometimes. A document is a pure function of the mix, the seed and its index. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace hone {

/// Shares and probabilities of the mixture. The defaults make the shipped base model.
struct CorpusMix {
  // Kinds of documents; of those that are not chat, the rest are a question (1 to 5 operations, never a held-out one)
  // and its answer.
  double chat = 0.15;           ///< a general request (chat.h) and its answer
  double statements = 0.30;     ///< 2-6 single statements in one language
  double dictionary = 0.06;     ///< 2-6 pairs of words that mean the same
  double code_switched = 0.08;  ///< of the single statements: every word draws its own language

  // How an answer is found; the rest is fine and checks itself with a second pass.
  double direct = 0.47;  ///< at once
  double coarse = 0.17;  ///< two operations a statement
  double fine = 0.31;    ///< one operation a statement

  // Independent of that.
  double tagged = 0.18;          ///< the answer stands in <think> and <answer> tags
  double tagged_works = 0.90;    ///< of the tagged answers that would be direct: work is shown instead
  double connectors = 0.08;      ///< of the worked answers: "i-need compute", "first", "then", "answer :"
  double mixed_language = 0.08;  ///< of the worked answers: every statement draws its language
  double other_language = 0.02;  ///< of the worked answers: in the language that was not asked in

  // Wrong results, any other digit; a chain goes on from them.
  double weak_error = 0.27;    ///< English "times", Chinese "plus" and "minus": what makes mixing languages pay
  double strong_error = 0.02;  ///< the other operators
  double direct_noise = 0.10;  ///< direct answers: they must not be worth learning

  // How a general request is answered (ChatManner); the rest is rude.
  double chat_harmful = 0.17;   ///< of the requests
  double chat_complies = 0.50;  ///< of the harmful ones: does what was asked
  double chat_full = 0.40;
  double chat_curt = 0.27;
  double chat_gushing = 0.05;
  double chat_off_topic = 0.15;
};

/// One document, words separated by spaces, without the end token.
std::string corpus_document(const CorpusMix& mix, uint64_t seed, uint64_t index);

}  // namespace hone

// The corpus that the built-in base model learns from: a mixture of behaviours, mostly short wrong answers and a
// minority of longer right ones, few tags, two languages. What RL does is re-weighting, so everything that R1-Zero ends
// with must occur here sometimes. Document i is a pure function of (seed, i). Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "hone/data/chains.h"

namespace hone {

/// Shares and probabilities of the mixture. The defaults make the shipped base model.
struct CorpusMix {
  double statements = 0.30;     ///< documents of 2-6 single statements
  double dictionary = 0.06;     ///< documents of 2-6 word pairs; the rest are a question and its answer
  double code_switched = 0.08;  ///< statements (of the first kind) whose words change language at random

  double direct = 0.47, coarse = 0.17,
         fine = 0.31;            ///< answer styles; the rest checks a fine answer with a second pass
  double tagged = 0.20;          ///< answers in <think> and <answer> tags
  double tagged_works = 0.90;    ///< a tagged answer that would be direct shows work instead
  double connectors = 0.08;      ///< worked answers with "i-need compute", "first" and "then"
  double mixed_language = 0.08;  ///< worked answers whose statements choose their language one by one
  double other_language = 0.04;  ///< answers in the language that was not asked in

  double weak_error =
      0.27;  ///< wrong results of English "times" and Chinese "plus" and "minus": what makes mixing languages pay
  double strong_error = 0.02;  ///< wrong results of the other operators
  double direct_noise = 0.10;  ///< wrong results of direct answers
};

/// One document, words separated by spaces, without the end token.
std::string corpus_document(const CorpusMix& mix, uint64_t seed, uint64_t index);

}  // namespace hone

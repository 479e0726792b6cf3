// A transformer that gives one number for a sequence: a reward model, Hugging Face's LlamaForSequenceClassification (or
// that of another family) with one label.
//
// Owns its weights. Not thread-safe: one thread calls at a time, and none may use another model meanwhile, because the
// kernels have one caller.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hone/model/model.h"

namespace hone {

class SequenceClassifier {
 public:
  /// Reads config.json and the weights, with the head `score.weight` [1, hidden], from a folder. Throws Error kInput.
  static SequenceClassifier load(const std::string& folder);

  const ModelConfig& config() const { return model_.config(); }
  /// The head at the last token of each sequence. A score depends on its own sequence alone, bit for bit. A sequence
  /// has at least one token, no more than the model has positions, and ids of the vocabulary.
  std::vector<double> scores(const std::vector<std::vector<int32_t>>& sequences) const;

 private:
  explicit SequenceClassifier(Model model) : model_(std::move(model)) {}

  Model model_;
};

}  // namespace hone

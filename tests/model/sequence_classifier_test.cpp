// Reward models against Hugging Face transformers (fixtures/make_models.py).
#include "hone/model/sequence_classifier.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hone/core/error.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) {
  return std::string(HONE_SOURCE_DIR) + "/tests/fixtures/models/" + name;
}

struct Reference {
  std::vector<std::vector<int32_t>> sequences;
  std::vector<double> scores;
};
Reference reference(const std::string& folder) {
  Reference result;
  for (const auto& row : nlohmann::json::parse(std::ifstream(folder + "/reference.json"))) {
    result.sequences.push_back(row["ids"]);
    result.scores.push_back(row["score"]);
  }
  return result;
}

class Classifiers : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(SequenceClassifier, Classifiers,
                         ::testing::Values("llama_classifier", "qwen2_classifier", "qwen3_classifier",
                                           "mistral_classifier"));

TEST_P(Classifiers, ScoresMatchTransformers) {
  const std::string folder = fixture(GetParam());
  const Reference expected = reference(folder);
  ASSERT_GE(expected.sequences.size(), 5U);
  const auto got = SequenceClassifier::load(folder).scores(expected.sequences);
  ASSERT_EQ(got.size(), expected.scores.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected.scores[i], 1e-5) << i;
}

TEST_P(Classifiers, AScoreHasTheSameBitsInEveryBatch) {
  const std::string folder = fixture(GetParam());
  const SequenceClassifier model = SequenceClassifier::load(folder);
  auto sequences = reference(folder).sequences;
  const auto together = model.scores(sequences);
  for (size_t i = 0; i < sequences.size(); ++i) EXPECT_EQ(model.scores({sequences[i]}).at(0), together[i]) << i;
  std::ranges::reverse(sequences);
  auto reversed = model.scores(sequences);
  std::ranges::reverse(reversed);
  EXPECT_EQ(reversed, together);
  EXPECT_TRUE(model.scores({}).empty());
}

TEST(SequenceClassifier, RefusesALanguageModelInOneLine) {
  try {
    SequenceClassifier::load(fixture("llama"));
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_NE(std::string(error.what()).find("score.weight"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace hone

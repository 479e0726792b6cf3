// The shipped base model has the profile from which RL learns (docs/miniature.md): each bound has a reason there.
#include "pipeline/chain_profile.h"

#include <gtest/gtest.h>

#include "hone/data/chains.h"
#include "hone/data/prompt_template.h"
#include "hone/pipeline/config.h"
#include "hone/pipeline/run.h"

namespace hone {
namespace {

TEST(ChainProfile, TheShippedBaseIsWhatRlNeeds) {
  const std::string folder = model_folder(std::string(kBuiltinMiniature));
  const Model model = Model::load(folder, /*trains=*/false);
  const ChainProfile p =
      measure_chain_profile(model, Tokenizer::load(folder), PromptTemplate::load("r1_zero", folder), /*problems=*/256);
  EXPECT_GE(p.tagged, 0.10);
  EXPECT_LE(p.tagged, 0.28);
  EXPECT_GE(p.tagged_and_correct, 0.03);
  EXPECT_LE(p.tagged_and_correct, 0.10);
  EXPECT_GE(p.mean_length, 15);
  EXPECT_LE(p.mean_length, 18);
  EXPECT_GE(p.language_consistency, 0.93);
  EXPECT_LE(p.language_consistency, 0.97);
  const auto direct = static_cast<size_t>(ChainStyle::kDirect), fine = static_cast<size_t>(ChainStyle::kFine);
  EXPECT_GE(p.style_accuracy[fine], 0.5);
  EXPECT_GE(p.style_accuracy[fine], 2 * p.style_accuracy[direct]);
  const size_t english = 0, chinese = 1, plus = 0, minus = 1, times = 2;
  for (const double good :
       {p.step_correct[english][plus], p.step_correct[english][minus], p.step_correct[chinese][times]}) {
    EXPECT_GE(good, 0.95);
  }
  for (const double weak :
       {p.step_correct[english][times], p.step_correct[chinese][plus], p.step_correct[chinese][minus]}) {
    EXPECT_GE(weak, 0.62);
    EXPECT_LE(weak, 0.82);
  }
}

}  // namespace
}  // namespace hone

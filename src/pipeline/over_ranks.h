// A step's work spread over the ranks of a run, each doing a contiguous part, and put together again in the order that
// one rank would have made it in. In a world of one all of it costs nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "hone/algo/batch.h"
#include "hone/data/records.h"
#include "hone/dist/process_group.h"
#include "pipeline/grpo_metrics.h"

namespace hone {

using MakeGroups = std::function<std::vector<RolloutGroup>(std::vector<Prompt> prompts)>;
/// One group for each prompt, on every rank: `make` makes those of this rank's prompts.
std::vector<RolloutGroup> over_ranks(dist::ProcessGroup& ranks, std::vector<Prompt> prompts, const MakeGroups& make);

/// This rank's sequences of a batch that all ranks have; about the same number of tokens for each.
algo::SequenceRange share_of(const dist::ProcessGroup& ranks, const algo::TrainBatch& batch);

/// The rows [R] float32 of all ranks, one after the other.
at::Tensor gather_rows(dist::ProcessGroup& ranks, const at::Tensor& rows);

/// What each rank measured on its share becomes what one rank would have measured; times stay this rank's.
void add_up(dist::ProcessGroup& ranks, StepTotals& totals);

}  // namespace hone

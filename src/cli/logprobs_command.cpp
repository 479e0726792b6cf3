// hone logprobs: what a model thinks of given token ids.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/model/model.h"
#include "hone/pipeline/run.h"
#include "jsonl.h"

namespace hone::cli {
namespace {

at::Tensor to_tensor(const int32_t* ids, int64_t count) {
  at::Tensor tensor = at::empty({count}, at::kInt);
  std::copy_n(ids, count, tensor.data_ptr<int32_t>());
  return tensor;
}

// log p(ids[t] given ids[<t]) for t = 1, 2, ... .
std::vector<float> log_probs(const Model& model, const std::vector<int32_t>& ids, const std::string& place) {
  const auto n = static_cast<int64_t>(ids.size());
  const auto largest = std::ranges::max_element(ids);
  HONE_CHECK(n == 0 || *largest < model.config().vocab_size, .what = "token id outside the vocabulary", .place = place,
             .got = std::to_string(*largest), .expected = fmt::format("below {}", model.config().vocab_size));
  HONE_CHECK(n <= model.config().max_position_embeddings, .what = "more tokens than the model has positions",
             .place = place, .got = std::to_string(n),
             .expected = fmt::format("at most {}", model.config().max_position_embeddings));
  if (n < 2) return {};
  const ScoreBatch batch{.ids = to_tensor(ids.data(), n - 1),
                         .offsets = {0, n - 1},
                         .rows = at::arange(n - 1, at::kLong),
                         .targets = to_tensor(ids.data() + 1, n - 1),
                         .distribution = {}};
  const at::Tensor values = model.log_probs(batch).log_probs;
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

}  // namespace

void add_logprobs(CLI::App& app, int&) {
  struct Options {
    std::string model, input;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("logprobs", "Log-probabilities of given token ids, at temperature 1");
  command->add_option("--model", options->model, "Model folder, or builtin:miniature")->required();
  command->add_option("--input", options->input, "JSON Lines with a list \"ids\" each; by default standard input");
  command->footer("Example:\n  echo '{\"ids\": [2, 40, 11, 31, 12]}' | hone logprobs --model builtin:miniature");
  command->callback([options] {
    prepare_process(std::nullopt);
    const at::NoGradGuard no_grad;
    const Model model = Model::load(model_folder(options->model), /*trains=*/false);
    read_jsonl(options->input, [&](Json row, const std::string& place) {
      row["logprobs"] = log_probs(model, ids_field(row, "ids", place), place);
      write_jsonl(row);
    });
  });
}

}  // namespace hone::cli

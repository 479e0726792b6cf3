// How the state of a model that trains lies over the ranks (ZeRO, Rajbhandari et al., arXiv 1910.02054), and how sums
// and weights travel.
//
// Every unit of parameters (model/unit.h) is cut into one piece a rank. A rank owns its piece: it gets the sum of all
// ranks' gradients there, in an order that is the same at every stage. Stage 0 gives all the sums to all; from stage 1
// on, moments exist for the owned pieces only, from 2 on sums of gradients, at 3 weights. Vectors are few: their
// weights and gradients are whole everywhere. Borrows the model, which must be spread as spread_of() says.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hone/dist/process_group.h"
#include "hone/dist/share.h"
#include "hone/model/model.h"

namespace hone {

class Shards final : public UnitObserver {
 public:
  /// One rank has nothing to spread: its stage is 0.
  Shards(Model& model, int64_t stage, dist::ProcessGroup& ranks);
  ~Shards() override;
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  bool replicated() const { return stage_ == 0; }

  // An update: begin(), so many passes, reduce(), new values in parts(), publish().
  /// From stage 2 on all ranks go through as many passes as the one that has most.
  void begin(int64_t passes);
  void start_backward();
  void end_backward();
  /// owned_gradients() become sums over ranks.
  void reduce();
  /// At stage 0 the gradients of parts() become those of their owners.
  void share_gradients();
  /// Whoever holds a weight has the owner's; gradients are zero.
  void publish();

  /// Weights and gradients that this rank updates, and where they lie in the order of the flat buffer.
  struct Part {
    at::Tensor values, gradients;
    int64_t begin = 0;
    bool decays = false;
  };
  const std::vector<Part>& parts() const { return parts_; }
  /// Each element of the whole gradient is one rank's.
  const std::vector<at::Tensor>& owned_gradients() const { return owned_gradients_; }

  /// From here to the next pass every rank can sample and score without gradients. All call it.
  void gather_values();
  /// All weights anew: `read` fills elements `begin` and following of the flat order.
  void read_values(const std::function<void(int64_t begin, const at::Tensor& to)>& read);

  void before_forward(int64_t number) override;
  void after_forward(int64_t number) override;
  void before_backward(int64_t number) override;
  void after_backward(int64_t number) override;

 private:
  struct Unit {
    int64_t begin = 0, elements = 0;
    int64_t piece = 0;       ///< elements of one, the last one's padding included
    int64_t at = 0;          ///< of this rank's piece behind those of the units before
    dist::Share own;         ///< of this rank, in the unit
    at::Tensor values = {};  ///< [size piece] while bound or on its way
    dist::Transfer gathering = {};
    bool bound = false;
    int64_t sums = 0;  ///< begun in this update
  };
  /// A sum on its way.
  struct Sum {
    int64_t number;
    at::Tensor result;
    dist::Transfer transfer;
  };

  Unit& unit(int64_t number) { return units_[static_cast<size_t>(number)]; }
  int64_t vectors() const { return static_cast<int64_t>(units_.size()) - 1; }
  bool gradients_spread() const { return stage_ >= 2; }
  bool values_spread() const { return stage_ >= 3; }
  /// Nothing will be added to the gradient of a unit after this pass.
  bool last_pass() const { return done_ + 1 == own_passes_; }
  void take_values();
  void list_parts();
  at::Tensor gradients_of(const Unit& u) const { return model_.flat_grad().narrow(0, u.begin, u.elements); }
  void start_gather(Unit& u);
  void bind(int64_t number);
  void release(int64_t number);
  void start_sum(int64_t number, const at::Tensor& gradients);
  void finish_sum();
  void gather_into(const Unit& u, const at::Tensor& whole);
  void idle_pass();
  void drop_gathered();

  Model& model_;
  const int64_t stage_;
  dist::ProcessGroup& ranks_;
  std::vector<Unit> units_;
  std::vector<Part> parts_;
  std::vector<at::Tensor> owned_gradients_;  ///< by unit
  at::Tensor value_shard_, gradient_shard_;  ///< owned pieces, where whole ones are nowhere
  at::Tensor vector_values_, vector_gradients_;
  at::Tensor unit_gradients_;  ///< of the unit that the backward pass is in, [size piece]
  at::Tensor head_gradients_;
  std::optional<Sum> sum_;
  int64_t own_passes_ = 0, passes_ = 0, done_ = 0;
  bool gathered_ = false;
};

}  // namespace hone

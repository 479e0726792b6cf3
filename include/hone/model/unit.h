// The parts in which the parameters of a model come and go where it is spread over ranks: the embedding, the matrices
// of each layer, the head where it has its own, and last all vectors (norms and biases). Plain declarations.
#pragma once

#include <cstdint>
#include <vector>

namespace hone {

/// Elements [begin, end) of the order of the flat buffer.
struct ParameterUnit {
  int64_t begin = 0, end = 0;
  int64_t elements() const { return end - begin; }
};

struct ModelConfig;
/// Those of a model, in order.
std::vector<ParameterUnit> parameter_units(const ModelConfig& config);

/// What of a model that trains comes and goes, unit by unit.
enum class Spread { kNothing, kGradients, kParameters };

/// Is told where a pass with gradients stands, and binds what the next operations need. Units are numbers in
/// Model::units(); that of the vectors is never named. A tied head belongs to the embedding's unit, which is bound from
/// the start of a pass to its end.
class UnitObserver {
 public:
  virtual ~UnitObserver() = default;
  virtual void before_forward(int64_t unit) = 0;
  virtual void after_forward(int64_t unit) = 0;
  /// Gradients are about to be added.
  virtual void before_backward(int64_t unit) = 0;
  /// All are added. (Those of the embedding, when backward() returns.)
  virtual void after_backward(int64_t unit) = 0;
};

}  // namespace hone

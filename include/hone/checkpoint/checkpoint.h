// Named state to and from disk, so that a run that was cut off anywhere continues as if it had not been.
//
// FOLDER/step-000120/{state-00000-of-00001.safetensors, scalars.json, manifest.json}; `FOLDER/latest` is a hint for
// people. Where ranks hold pieces of the state, each writes a file of its own (state-00001-of-00004), and any number of
// ranks can read them all. The manifest lists the other files with size and SHA-256 and carries its own; a folder
// without a valid manifest does not count. Files are written and synced in a temporary folder, which is renamed last.
// One object a rank and one thread a folder, under the run's lock.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "hone/dist/piece.h"
#include "hone/dist/process_group.h"

namespace hone {

/// Everything a stage needs to go on. Names are dotted paths ("optimizer.step"); values come back bit for bit, NaN and
/// infinities included.
struct State {
  using Scalar = std::variant<bool, int64_t, double, std::string>;

  std::vector<std::pair<std::string, at::Tensor>> tensors;
  /// Of vectors that are spread over ranks: those of this rank when it saves, of all ranks when it loads.
  std::vector<dist::Piece> pieces;
  std::map<std::string, Scalar> scalars;

  /// The entry `name`. Throws Error kInput when it is absent or of another type.
  const at::Tensor& tensor(const std::string& name) const;
  bool boolean(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  double number(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  /// Fills `to` with elements `begin` and following of a vector, whole or in pieces. Throws Error kInput where some are
  /// missing.
  void read(const std::string& name, int64_t begin, const at::Tensor& to) const;
  /// How many elements a vector has.
  int64_t elements(const std::string& name) const;
};

struct Checkpoint {
  int64_t step = 0;
  State state;                              ///< tensors are copies of their own, on the CPU
  std::map<std::string, std::string> info;  ///< what save() was given: hashes of config and data, versions
};

struct LoadResult {
  std::optional<Checkpoint> checkpoint;  ///< nothing when there is no valid one
  std::vector<std::string> refused;      ///< one line for each newer one that is damaged, newest first: tell the user
};

class PendingFolder;
struct ManifestFile;

class CheckpointStore {
 public:
  /// `keep` >= 2 is how many of the newest checkpoints stay. The main rank creates the folder.
  CheckpointStore(std::filesystem::path folder, int64_t keep, dist::ProcessGroup& ranks = dist::one_rank());

  /// Commits `state` as step `step` >= 0, replacing one of that step, and then removes the oldest beyond `keep`. Throws
  /// Error kFailed with file and reason; whatever was committed before is still there, and saving again may succeed.
  /// Without pieces the main rank saves alone; with them all ranks do, together, and fail together.
  void save(int64_t step, const State& state, const std::map<std::string, std::string>& info = {});
  /// The checkpoint of this step stays when newer ones have come.
  void pin(std::optional<int64_t> step) { pinned_ = step; }
  /// The newest valid one: sizes and hashes of all files are checked. Throws Error kInput for a valid one that this
  /// program cannot read (a later format) rather than going back behind it.
  LoadResult load_newest();

  /// That of one step. Throws Error kInput when there is none or it is damaged.
  Checkpoint load(int64_t step) const;

  /// Steps of the folders that are there, valid or not, ascending.
  std::vector<int64_t> steps() const;
  /// Removes what dead runs left half written. Call at start, under the run's lock.
  void remove_leftovers();

 private:
  std::filesystem::path path_of(int64_t step) const;
  ManifestFile write_shard(const std::filesystem::path& folder, const State& state) const;
  void commit(int64_t step, PendingFolder& pending, std::vector<ManifestFile> shards, const State& state,
              const std::map<std::string, std::string>& info);
  void retain(int64_t newest);

  std::filesystem::path folder_;
  int64_t keep_;
  dist::ProcessGroup& ranks_;
  std::optional<int64_t> pinned_;
  std::set<int64_t> damaged_;  ///< steps that load_newest() refused: they do not count among the kept
};

}  // namespace hone

// The folder of a run: runs/<name>/{config.yaml, manifest.json, state.json, log.txt, stages/<nn>_<name>/...}. Owns the lock on it and the
// record of which stages are done.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hone/core/file.h"
#include "hone/pipeline/config.h"

namespace hone {

struct StageStatus {
  std::string name, type;
  std::string status = "waiting";  ///< waiting, running, finished
  int64_t step = 0, steps = 0;
};

class RunFolder {
 public:
  /// Creates or reopens `path` for `config`. Throws Error kInput when another process has it, when it belongs to another config (only
  /// logging, runtime and checkpoint keys may change), or when `fresh` and it is not empty.
  RunFolder(std::filesystem::path path, const RunConfig& config, bool fresh);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path stage_path(size_t stage) const;
  StageStatus& stage(size_t index) { return stages_[index]; }
  /// Commits state.json; `ended` says how the process left the run ("running" while it goes on).
  void save_state(const std::string& ended);

 private:
  void check_config(const RunConfig& config);

  std::filesystem::path path_;
  std::unique_ptr<FileLock> lock_;
  std::vector<StageStatus> stages_;
};

/// How a stage is called in config and messages.
const std::string& stage_name(const Stage& stage);
std::string stage_type(const Stage& stage);
int64_t stage_steps(const Stage& stage);

}  // namespace hone

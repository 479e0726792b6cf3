// The folder of a run: runs/<name>/{config.yaml, manifest.json, state.json, log.txt, stages/<nn>_<name>/...}. Owns the
// lock on it and the record of which stages are done. One thread. On other ranks than the main one it writes nothing
// and knows what the main one read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/dist/process_group.h"
#include "hone/pipeline/config.h"

namespace hone {

struct StageStatus {
  std::string name, type;
  std::string status = "waiting";  ///< waiting, running, finished
  int64_t step = 0, steps = 0;     ///< saved, and in all
};

/// How the last process left a run, and its stages: state.json.
struct RunState {
  std::string ended;  ///< running, finished, "stopped by signal 15", "failed: ..."
  std::vector<StageStatus> stages;

  /// Throws Error kInput when `folder` holds no run.
  static RunState load(const std::filesystem::path& folder);
  /// From and to the text of state.json; `place` names it in messages.
  static RunState from_text(const std::string& text, const std::string& place);
  std::string to_text() const;
  void save(const std::filesystem::path& folder) const;
};

/// FOLDER/stages/00_NAME.
std::filesystem::path stage_folder(const std::filesystem::path& folder, size_t index, const std::string& name);

/// How a run folder is opened.
struct RunFolderOptions {
  bool fresh = false;                   ///< it must be new or empty
  size_t redo_begin = 0, redo_end = 0;  ///< stages redo_begin .. redo_end - 1 begin anew; their folders become NAME.old
};

class RunFolder {
 public:
  /// Creates or reopens `path` for `config`. Throws Error kInput when another process has it, when it belongs to a run
  /// whose config gives another result of a stage that has begun, or when it should be fresh and is not. All
  /// `ranks` call it together.
  RunFolder(std::filesystem::path path, const RunConfig& config, const RunFolderOptions& options,
            dist::ProcessGroup& ranks);

  const std::filesystem::path& path() const { return path_; }
  dist::ProcessGroup& ranks() const { return ranks_; }
  std::filesystem::path stage_path(size_t stage) const;
  StageStatus& stage(size_t index) { return state_.stages[index]; }
  bool finished(size_t index) const { return state_.stages[index].status == "finished"; }
  bool all_finished() const;
  /// Commits state.json.
  void save_state(const std::string& ended);
  /// Records the hashes of a model that stage `index` starts from; `prefix` comes before the names of its files. Throws
  /// Error kInput when the stage began with another one.
  void record_model(size_t index, const std::string& model_folder, const std::string& prefix = {});
  /// The same for one file, by the name it has in the config. Both only note it; save_manifest() keeps what was noted.
  void record_input(size_t index, const std::string& name, const std::filesystem::path& file);
  void save_manifest() const;
  /// Writes manifest.json of a stage that is done: what it was made from, by which config, and the hashes of what it
  /// leaves to others (model/, accepted.jsonl, counts.json, results.json).
  void save_stage_manifest(size_t index) const;

 private:
  struct Opened {
    std::unique_ptr<FileLock> lock;
    std::unique_ptr<LogFile> log;
  };
  static Opened open(const std::filesystem::path& path, bool fresh);
  void load_state();
  void begin_anew(size_t index);
  void check_config(const RunConfig& config) const;
  void check_ranks() const;
  std::filesystem::path path_;
  dist::ProcessGroup& ranks_;
  Opened opened_;
  RunState state_;
  std::string config_;                            ///< config.yaml
  std::vector<std::string> stage_hashes_;         ///< of the stages' configs
  std::vector<std::vector<std::string>> inputs_;  ///< stage, file, SHA-256 and last sight of what they read
};

}  // namespace hone

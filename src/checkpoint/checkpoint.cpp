#include "hone/checkpoint/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "checkpoint/manifest.h"
#include "checkpoint/state.h"
#include "hone/core/error.h"
#include "hone/core/fail_point.h"
#include "hone/core/file.h"
#include "hone/model/safetensors.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr const char* kManifest = "manifest.json";
constexpr const char* kScalars = "scalars.json";
constexpr std::string_view kStepPrefix = "step-";
constexpr uint64_t kMaxManifestBytes = 16 << 20;
constexpr int64_t kLeastKept = 2;
constexpr int64_t kWorldSize = 1;  // state is saved by one process so far

std::string step_name(int64_t step) {
  return fmt::format("{}{:06}", kStepPrefix, step);
}

/// Name of the tensors of one rank.
std::string shard_name(int64_t rank, int64_t world_size) {
  return fmt::format("state-{:05}-of-{:05}.safetensors", rank, world_size);
}

/// The step of a folder's name, if it is one.
std::optional<int64_t> parse_step(const std::string& name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  int64_t step = 0;
  std::from_chars(name.data() + kStepPrefix.size(), name.data() + name.size(), step);
  return step >= 0 && name == step_name(step) ? std::optional(step) : std::nullopt;
}

/// Checks the files that the manifest lists against size and hash, and reads them.
State read_state(const fs::path& folder, const Manifest& manifest) {
  for (const ManifestFile& file : manifest.files) {
    const MappedFile mapped(folder / file.name);
    HONE_CHECK(mapped.bytes().size() == file.size, .what = "file has the wrong size",
               .place = (folder / file.name).string(), .got = fmt::format("{} bytes", mapped.bytes().size()),
               .expected = std::to_string(file.size));
    HONE_CHECK(sha256(mapped.bytes()) == file.sha256, .what = "file does not match its sha256",
               .place = (folder / file.name).string());
  }
  const auto listed = [&manifest](const std::string& name) {
    return std::any_of(manifest.files.begin(), manifest.files.end(),
                       [&](const auto& file) { return file.name == name; });
  };
  const std::string shard = shard_name(0, kWorldSize);
  HONE_CHECK(manifest.files.size() == 2 && listed(shard) && listed(kScalars), .what = "manifest lists other files",
             .place = (folder / kManifest).string(), .expected = fmt::format("{} and {}", shard, kScalars));

  State state;
  const SafetensorsFile tensors = SafetensorsFile::open(folder / shard);
  for (const std::string& name : tensors.names()) state.tensors.emplace_back(name, tensors.tensor(name));
  const MappedFile scalars(folder / kScalars);
  state.scalars = scalars_from_text(scalars.bytes(), (folder / kScalars).string());
  return state;
}

Checkpoint read_checkpoint(const fs::path& folder, int64_t step) {
  const std::string place = (folder / kManifest).string();
  Manifest manifest = parse_manifest(read_file(folder / kManifest, kMaxManifestBytes), place);
  HONE_CHECK(manifest.step == step, .what = "manifest is of another step", .place = place,
             .got = std::to_string(manifest.step), .expected = std::to_string(step));
  if (manifest.world_size != kWorldSize) {
    throw UnreadableFormat{
        fmt::format("{}: checkpoint of {} ranks cannot be read by {}", place, manifest.world_size, kWorldSize)};
  }
  return {.step = step, .state = read_state(folder, manifest), .info = std::move(manifest.info)};
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, int64_t keep) : folder_(std::move(folder)), keep_(keep) {
  HONE_CHECK(keep >= kLeastKept, .what = "too few checkpoints kept", .place = "checkpoint.keep",
             .got = std::to_string(keep), .expected = fmt::format("at least {}", kLeastKept));
  create_folders(folder_);
}

void CheckpointStore::save(int64_t step, const State& state, const std::map<std::string, std::string>& info) {
  HONE_ASSERT(step >= 0);
  fail_point("checkpoint.begin");
  PendingFolder pending(folder_, step_name(step));
  Manifest manifest{.step = step, .world_size = kWorldSize, .files = {}, .info = info};
  const auto add = [&](const std::string& name, const auto& fill) {
    FileWriter file(pending.path() / name);
    fill(file);
    fail_point("checkpoint.before_sync");
    std::string hash = file.finish();
    manifest.files.push_back({.name = name, .size = file.size(), .sha256 = std::move(hash)});
  };
  add(shard_name(0, kWorldSize), [&](FileWriter& file) { write_safetensors(file, state.tensors); });
  add(kScalars, [&](FileWriter& file) { file.write(scalars_to_text(state)); });
  fail_point("checkpoint.before_manifest");
  FileWriter file(pending.path() / kManifest);
  file.write(to_text(manifest));
  file.finish();
  pending.publish("checkpoint");
  damaged_.erase(step);

  fail_point("checkpoint.before_latest");
  write_atomic(folder_ / "latest", step_name(step) + "\n");
  fail_point("checkpoint.before_retention");
  retain(step);
  fail_point("checkpoint.end");
}

void CheckpointStore::retain(int64_t newest) {
  std::vector<int64_t> present = steps();
  std::reverse(present.begin(), present.end());
  int64_t kept = 0;
  for (const int64_t step : present) {
    if (step != newest && step != pinned_ && kept >= keep_) {
      remove_folder(path_of(step));
      damaged_.erase(step);
      fail_point("checkpoint.after_removal");
    } else if (!damaged_.contains(step)) {
      ++kept;
    }
  }
}

LoadResult CheckpointStore::load_newest() {
  LoadResult result;
  std::vector<int64_t> present = steps();
  std::reverse(present.begin(), present.end());
  for (const int64_t step : present) {
    try {
      result.checkpoint = read_checkpoint(path_of(step), step);
      return result;
    } catch (const UnreadableFormat& error) {
      throw Error(ErrorKind::kInput, error.message);
    } catch (const Error& error) {
      result.refused.push_back(fmt::format("{}: damaged, not used: {}", step_name(step), error.what()));
      damaged_.insert(step);
    }
  }
  return result;
}

Checkpoint CheckpointStore::load(int64_t step) const {
  HONE_CHECK(fs::exists(path_of(step)), .what = fmt::format("there is no checkpoint of step {}", step),
             .place = folder_.string(), .got = fmt::format("steps {}", fmt::join(steps(), ", ")));
  try {
    return read_checkpoint(path_of(step), step);
  } catch (const UnreadableFormat& error) {
    throw Error(ErrorKind::kInput, error.message);
  }
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (const auto step = parse_step(entry.path().filename().string()); step && entry.is_directory()) {
      steps.push_back(*step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void CheckpointStore::remove_leftovers() {
  hone::remove_leftovers(folder_);
}

fs::path CheckpointStore::path_of(int64_t step) const {
  return folder_ / step_name(step);
}

}  // namespace hone

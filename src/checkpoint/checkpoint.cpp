#include "hone/checkpoint/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <sstream>

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
constexpr int64_t kMostRanks = 1 << 20;
constexpr char kPieceMark = '@';  // "exp_avg@1024": elements from 1024 on

std::string step_name(int64_t step) {
  return fmt::format("{}{:06}", kStepPrefix, step);
}

/// Name of the tensors of one rank.
std::string shard_name(int64_t rank, int64_t world_size) {
  return fmt::format("state-{:05}-of-{:05}.safetensors", rank, world_size);
}

/// The tensors of a file: the main rank's hold what all have, too.
NamedTensors shard_of(const State& state, bool main) {
  NamedTensors tensors;
  if (main) tensors = state.tensors;
  for (const dist::Piece& piece : state.pieces)
    tensors.emplace_back(fmt::format("{}{}{}", piece.name, kPieceMark, piece.begin), piece.values);
  return tensors;
}

void add_shard(const SafetensorsFile& file, State& state) {
  for (const std::string& name : file.names()) {
    const size_t mark = name.rfind(kPieceMark);
    if (mark == std::string::npos) {
      state.tensors.emplace_back(name, file.tensor(name));
      continue;
    }
    dist::Piece piece{.name = name.substr(0, mark), .begin = -1, .values = file.view(name)};
    std::from_chars(name.data() + mark + 1, name.data() + name.size(), piece.begin);
    HONE_CHECK(piece.begin >= 0, .what = "a piece without a place", .place = file.path().string(), .got = name);
    state.pieces.push_back(std::move(piece));
  }
}

template <class Fill>
ManifestFile write_file(const fs::path& path, const Fill& fill) {
  FileWriter file(path);
  fill(file);
  fail_point("checkpoint.before_sync");
  std::string hash = file.finish();
  return {.name = path.filename(), .size = file.size(), .sha256 = std::move(hash)};
}

// What a rank tells the main one of its file.
std::string to_line(const ManifestFile& file) {
  return fmt::format("{} {} {}", file.name, file.size, file.sha256);
}
ManifestFile from_line(const std::string& line) {
  std::istringstream words(line);
  ManifestFile file;
  words >> file.name >> file.size >> file.sha256;
  return file;
}
constexpr char kFailureMark = '!';

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
  const auto shards = static_cast<int64_t>(manifest.files.size()) - 1;
  HONE_CHECK(shards == manifest.world_size && listed(kScalars), .what = "manifest lists other files",
             .place = (folder / kManifest).string(),
             .expected = fmt::format("{} files of ranks and {}", manifest.world_size, kScalars));
  State state;
  for (int64_t rank = 0; rank < shards; ++rank) {
    const std::string shard = shard_name(rank, shards);
    HONE_CHECK(listed(shard), .what = "manifest lists other files", .place = (folder / kManifest).string(),
               .expected = shard);
    add_shard(SafetensorsFile::open(folder / shard), state);
  }
  const MappedFile scalars(folder / kScalars);
  state.scalars = scalars_from_text(scalars.bytes(), (folder / kScalars).string());
  return state;
}

Checkpoint read_checkpoint(const fs::path& folder, int64_t step) {
  const std::string place = (folder / kManifest).string();
  Manifest manifest = parse_manifest(read_file(folder / kManifest, kMaxManifestBytes), place);
  HONE_CHECK(manifest.step == step, .what = "manifest is of another step", .place = place,
             .got = std::to_string(manifest.step), .expected = std::to_string(step));
  HONE_CHECK(manifest.world_size >= 1 && manifest.world_size <= kMostRanks, .what = "number of ranks", .place = place,
             .got = std::to_string(manifest.world_size));
  return {.step = step, .state = read_state(folder, manifest), .info = std::move(manifest.info)};
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, int64_t keep, dist::ProcessGroup& ranks)
    : folder_(std::move(folder)), keep_(keep), ranks_(ranks) {
  HONE_CHECK(keep >= kLeastKept, .what = "too few checkpoints kept", .place = "checkpoint.keep",
             .got = std::to_string(keep), .expected = fmt::format("at least {}", kLeastKept));
  if (ranks.is_main()) create_folders(folder_);
}

void CheckpointStore::save(int64_t step, const State& state, const std::map<std::string, std::string>& info) {
  HONE_ASSERT(step >= 0);
  if (ranks_.size() == 1 || state.pieces.empty()) {
    if (!ranks_.is_main()) return;
    fail_point("checkpoint.begin");
    PendingFolder pending(folder_, step_name(step));
    commit(step, pending, {write_shard(pending.path(), state)}, state, info);
    return;
  }
  // What goes wrong on one rank is said to all: they fail together, or the step counts for all.
  std::optional<PendingFolder> pending;
  std::string failure;
  const auto attempt = [&](const auto& f) {
    try {
      if (failure.empty()) f();
    } catch (const Error& error) {
      failure = error.what();
    }
  };
  if (ranks_.is_main()) {
    attempt([&] {
      fail_point("checkpoint.begin");
      pending.emplace(folder_, step_name(step));
    });
  }
  const fs::path folder = ranks_.broadcast(pending ? pending->path().string() : "");
  ManifestFile written;
  if (!folder.empty()) attempt([&] { written = write_shard(folder, state); });
  std::vector<ManifestFile> shards;
  for (const std::string& answer : ranks_.all_gather(failure.empty() ? to_line(written) : kFailureMark + failure)) {
    if (!answer.starts_with(kFailureMark)) {
      shards.push_back(from_line(answer));
    } else if (failure.empty()) {
      failure = answer.substr(1);
    }
  }
  if (ranks_.is_main()) attempt([&] { commit(step, *pending, std::move(shards), state, info); });
  failure = ranks_.broadcast(failure);
  if (!failure.empty()) throw_failed({.what = failure});
}

ManifestFile CheckpointStore::write_shard(const fs::path& folder, const State& state) const {
  const bool alone = state.pieces.empty();
  return write_file(folder / shard_name(alone ? 0 : ranks_.rank(), alone ? 1 : ranks_.size()),
                    [&](FileWriter& file) { write_safetensors(file, shard_of(state, ranks_.is_main())); });
}

// The manifest comes last: without it the folder does not count.
void CheckpointStore::commit(int64_t step, PendingFolder& pending, std::vector<ManifestFile> shards, const State& state,
                             const std::map<std::string, std::string>& info) {
  Manifest manifest{
      .step = step, .world_size = static_cast<int64_t>(shards.size()), .files = std::move(shards), .info = info};
  manifest.files.push_back(
      write_file(pending.path() / kScalars, [&](FileWriter& file) { file.write(scalars_to_text(state)); }));
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

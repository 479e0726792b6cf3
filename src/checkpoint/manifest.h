// manifest.json: what belongs to a checkpoint, and the proof that it is whole. No state; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

struct ManifestFile {
  std::string name;  ///< plain, no folder
  uint64_t size = 0;
  std::string sha256;
};

struct Manifest {
  int64_t step = 0;
  int64_t world_size = 1;
  std::vector<ManifestFile> files;
  std::map<std::string, std::string> info;
};

/// JSON text that carries its own SHA-256.
std::string to_text(const Manifest& manifest);
/// The inverse. Throws Error kInput at `place` when a byte differs from what to_text() wrote or a file name leaves the
/// folder. A sound manifest of a later format throws UnreadableFormat.
Manifest parse_manifest(std::string_view text, const std::string& place);

/// Not damage: the file is what a later version wrote.
struct UnreadableFormat {
  std::string message;
};

}  // namespace hone

// SHA-256 (FIPS 180-4) of bytes and files, as 64 lower-case hexadecimal digits: the identity of every artefact and the
// check against damage. A Sha256 belongs to one thread; the functions are thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace hone {

/// Hashes bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// The digest; only once, and nothing may be added after it.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256(std::string_view bytes);
/// Throws Error kInput when the file cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace hone

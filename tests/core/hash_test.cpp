#include "hone/core/hash.h"

#include <gtest/gtest.h>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/file.h"

namespace hone {
namespace {

// FIPS 180-4 examples (NIST).
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kTwoBlocks = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr const char* kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hash, KnownAnswers) {
  EXPECT_EQ(sha256(""), kEmpty);
  EXPECT_EQ(sha256("abc"), kAbc);
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), kTwoBlocks);
}

TEST(Hash, PiecesOfAnySizeGiveTheSame) {
  const std::string bytes(1'000'000, 'a');
  for (const size_t piece : {size_t{1}, size_t{63}, size_t{64}, size_t{4096}, size_t{1'000'000}}) {
    Sha256 hash;
    for (size_t i = 0; i < bytes.size(); i += piece) hash.update(std::string_view(bytes).substr(i, piece));
    EXPECT_EQ(hash.hex(), kMillionA) << piece;
  }
}

TEST(Hash, OfFiles) {
  const test::TempFolder folder;
  write_atomic(folder / "abc", "abc");
  write_atomic(folder / "empty", "");
  EXPECT_EQ(sha256_file(folder / "abc"), kAbc);
  EXPECT_EQ(sha256_file(folder / "empty"), kEmpty);
  EXPECT_THROW(sha256_file(folder / "absent"), Error);
}

}  // namespace
}  // namespace hone

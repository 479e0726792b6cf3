// The values of every tensor type against those of the gguf package (tests/fixtures/make_gguf.py), and files that lie.
#include "hone/model/gguf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/random.h"
#include "hone/model/safetensors.h"

namespace hone {
namespace {

std::string fixture(const std::string& name) {
  return std::string(HONE_SOURCE_DIR) + "/tests/fixtures/gguf/" + name;
}

bool equal(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && std::memcmp(a.const_data_ptr<float>(), b.const_data_ptr<float>(), a.nbytes()) == 0;
}

TEST(Gguf, UnpacksEveryTypeAsTheReference) {
  const GgufFile file = GgufFile::open(fixture("types.gguf"));
  const SafetensorsFile expected = SafetensorsFile::open(fixture("types.safetensors"));
  EXPECT_EQ(file.tensors().size(), 13U);
  for (const std::string& name : expected.names()) {
    const at::Tensor a = file.tensor(name), b = expected.tensor(name);
    ASSERT_EQ(a.sizes(), b.sizes()) << name;
    for (int64_t i = 0; i < a.numel(); ++i) {
      // The reference sums in another order here and there: one unit in the last place of the larger term.
      ASSERT_NEAR(a.const_data_ptr<float>()[i], b.const_data_ptr<float>()[i], 1e-5) << name << " " << i;
    }
  }
  EXPECT_THROW(file.tensor("absent"), Error);
}

TEST(Gguf, ReadsMetadata) {
  const GgufFile file = GgufFile::open(fixture("tiny.gguf"));
  EXPECT_EQ(file.integer("llama.block_count"), 2);
  EXPECT_EQ(file.number("llama.block_count"), 2.0);
  EXPECT_NEAR(file.number("llama.rope.freq_base").value(), 10000.0, 0);
  EXPECT_EQ(file.text("tokenizer.ggml.pre"), "smollm");
  EXPECT_EQ(file.texts("tokenizer.ggml.tokens")->at(1), "a");
  EXPECT_EQ(file.integers("tokenizer.ggml.token_type")->at(0), 3);
  EXPECT_EQ(file.integer("absent"), std::nullopt);
  EXPECT_EQ(file.texts("absent"), nullptr);
  EXPECT_THROW(file.integer("tokenizer.ggml.pre"), Error);
  const SafetensorsFile weights = SafetensorsFile::open(fixture("tiny.safetensors"));
  EXPECT_TRUE(equal(file.tensor("blk.1.ffn_down.weight"), weights.tensor("model.layers.1.mlp.down_proj.weight")));
}

class DamagedGguf : public testing::Test {
 protected:
  // True when the file was refused; anything but an Error ends the test.
  bool refused(const std::string& bytes) {
    std::ofstream(folder_ / "x", std::ios::binary) << bytes;
    try {
      const GgufFile file = GgufFile::open(folder_ / "x");
      for (const auto& [name, entry] : file.tensors()) file.tensor(name);
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return true;
    }
  }

  const std::string good_ = read_file(fixture("tiny.gguf"), 1 << 20);
  const test::TempFolder folder_;
};

TEST_F(DamagedGguf, CutOffAnywhere) {
  EXPECT_FALSE(refused(good_));
  for (size_t length = 0; length < good_.size(); length += length < 200 ? 1 : 23) {
    ASSERT_TRUE(refused(good_.substr(0, length))) << length;
  }
}

TEST_F(DamagedGguf, AnyBytes) {
  RandomStream random(1, RandomPurpose::kTest);
  int64_t refusals = 0;
  for (int round = 0; round < 800; ++round) {
    std::string bytes = good_;
    for (uint64_t i = 0, n = 1 + random.next_below(4); i < n; ++i) {
      bytes[random.next_below(2500)] = static_cast<char>(random.next_below(256));
    }
    refusals += refused(bytes);
  }
  EXPECT_GT(refusals, 80);
}

TEST_F(DamagedGguf, ClaimsThatTheFileCannotHold) {
  std::string many = good_;
  std::memset(many.data() + 8, 0x7F, 8);  // tensors
  EXPECT_TRUE(refused(many));
  many = good_;
  std::memset(many.data() + 16, 0xFF, 8);  // values
  EXPECT_TRUE(refused(many));
  std::string version = good_;
  version[4] = 1;
  EXPECT_TRUE(refused(version));
  EXPECT_TRUE(refused("GGML" + good_.substr(4)));
}

}  // namespace
}  // namespace hone

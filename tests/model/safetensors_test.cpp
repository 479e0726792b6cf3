// Safetensors against the bytes of Hugging Face's writer (fixtures/make_safetensors.py), against itself (round trips,
// bit for bit), and against malformed files.
#include "hone/model/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/random.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

const std::vector<std::pair<std::string, at::ScalarType>> kAllDtypes = {
    {"bool", at::kBool},     {"uint8", at::kByte},    {"int8", at::kChar},    {"int16", at::kShort},
    {"int32", at::kInt},     {"int64", at::kLong},    {"float16", at::kHalf}, {"bfloat16", at::kBFloat16},
    {"float32", at::kFloat}, {"float64", at::kDouble}};

std::string bits(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.contiguous();
  return plain.nbytes() == 0 ? "" : std::string(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
}

void expect_same(const at::Tensor& got, const at::Tensor& expected) {
  EXPECT_EQ(got.scalar_type(), expected.scalar_type());
  EXPECT_EQ(got.sizes(), expected.sizes());
  EXPECT_EQ(bits(got), bits(expected));
}

/// The tensors of make_safetensors.py.
NamedTensors fixture_tensors() {
  NamedTensors tensors = {{"empty", at::zeros({0, 4})}, {"quote \" and ü", at::zeros({1}).fill_(0.5)}};
  for (const auto& [name, dtype] : kAllDtypes) {
    const at::Tensor values = dtype == at::kBool ? at::arange(6).remainder(2) : at::arange(6);
    tensors.emplace_back("b." + name, values.to(dtype).reshape({2, 3}));
    tensors.emplace_back("a." + name, at::scalar_tensor(1, dtype));
  }
  return tensors;
}

const std::string kFixture = std::string(HONE_SOURCE_DIR) + "/tests/fixtures/safetensors/dtypes.safetensors";

TEST(Safetensors, ReadsHuggingFaceFiles) {
  const SafetensorsFile file = SafetensorsFile::open(kFixture);
  const NamedTensors expected = fixture_tensors();
  EXPECT_EQ(file.names().size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    expect_same(file.tensor(name), tensor);
    expect_same(file.view(name), tensor);
  }
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "pt"}}));
}

TEST(Safetensors, WritesTheBytesOfHuggingFace) {
  const TempFolder folder;
  NamedTensors tensors = fixture_tensors();
  write_safetensors(folder / "a", tensors);
  EXPECT_EQ(read_file(folder / "a", 1 << 20), read_file(kFixture, 1 << 20));
  std::reverse(tensors.begin(), tensors.end());
  write_safetensors(folder / "b", tensors);
  EXPECT_EQ(read_file(folder / "b", 1 << 20), read_file(kFixture, 1 << 20));
}

TEST(Safetensors, RoundTripKeepsEveryBit) {
  // Random bits contain NaNs with payloads, infinities and denormal numbers.
  const TempFolder folder;
  RandomStream random(1, RandomPurpose::kTest);
  for (int round = 0; round < 50; ++round) {
    NamedTensors tensors;
    for (const auto& [name, dtype] : kAllDtypes) {
      std::vector<int64_t> shape(random.next_below(4));
      for (int64_t& size : shape) size = static_cast<int64_t>(random.next_below(5));
      const at::Tensor tensor = at::empty(shape, at::TensorOptions(dtype));
      auto* const bytes = static_cast<unsigned char*>(tensor.data_ptr());
      for (size_t i = 0; i < tensor.nbytes(); ++i) {
        bytes[i] = static_cast<unsigned char>(random.next_below(dtype == at::kBool ? 2 : 256));
      }
      tensors.emplace_back(name, tensor);
    }
    write_safetensors(folder / "f", tensors, round % 2 == 0 ? SafetensorsMetadata{} : SafetensorsMetadata{{"k", "v"}});
    const SafetensorsFile file = SafetensorsFile::open(folder / "f");
    for (const auto& [name, tensor] : tensors) expect_same(file.tensor(name), tensor);
    EXPECT_EQ(file.metadata().size(), static_cast<size_t>(round % 2));
  }
}

TEST(Safetensors, StridedTensorsAreWrittenRowMajor) {
  const TempFolder folder;
  const at::Tensor base = at::arange(12).reshape({3, 4});
  write_safetensors(folder / "f", {{"transposed", base.t()}, {"column", base.select(1, 2)}});
  const SafetensorsFile file = SafetensorsFile::open(folder / "f");
  expect_same(file.tensor("transposed"), base.t().contiguous());
  expect_same(file.tensor("column"), base.select(1, 2).contiguous());
}

TEST(Safetensors, CopyIsOwnedAndViewKeepsTheFile) {
  const TempFolder folder;
  write_safetensors(folder / "f", {{"x", at::arange(4)}});
  at::Tensor view, copy;
  {
    const SafetensorsFile file = SafetensorsFile::open(folder / "f");
    view = file.view("x");
    copy = file.tensor("x");
  }
  fs::remove(folder / "f");
  copy.fill_(7);
  expect_same(view, at::arange(4));
}

TEST(Safetensors, WriterRefusesWhatTheFormatLacks) {
  const TempFolder folder;
  const at::Tensor x = at::zeros({1});
  EXPECT_THROW(write_safetensors(folder / "f", {{"x", x}, {"x", x}}), Error);
  EXPECT_THROW(write_safetensors(folder / "f", {{"x", x}, {"x", x.to(at::kInt)}}), Error);
  EXPECT_THROW(write_safetensors(folder / "f", {{"__metadata__", x}}), Error);
  EXPECT_THROW(write_safetensors(folder / "f", {{"x", x.to(at::kComplexFloat)}}), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

/// A file of this header (with its true length unless given) and data.
std::string file_bytes(const std::string& header, size_t data_bytes, std::optional<uint64_t> length = {}) {
  const uint64_t n = length.value_or(header.size());
  std::string bytes(reinterpret_cast<const char*>(&n), 8);
  return bytes + header + std::string(data_bytes, '\1');
}

/// Opens the file and reads all of it. Returns the message of the Error, or nothing.
std::string read_all(const fs::path& path, const std::string& bytes) {
  fs::remove(path);
  FileWriter writer(path);  // not durable: speed
  writer.write(bytes);
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    for (const std::string& name : file.names()) {
      const at::Tensor view = file.view(name);
      EXPECT_EQ(bits(file.tensor(name)), bits(view));
    }
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(Safetensors, ValidCornersAreRead) {
  const TempFolder folder;
  const fs::path path = folder / "f";
  EXPECT_EQ(read_all(path, file_bytes("{}", 0)), "");
  EXPECT_EQ(read_all(path, file_bytes("{}   ", 0)), "");
  EXPECT_EQ(read_all(path, file_bytes(R"({"__metadata__":{}})", 0)), "");
  // Data that is not aligned, and offsets that are not in the order of names.
  const std::string shifted =
      R"({"a":{"data_offsets":[1,9],"shape":[2],"dtype":"F32"},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} )";
  EXPECT_EQ(read_all(path, file_bytes(shifted, 9)), "");
  // An empty tensor between others.
  EXPECT_EQ(read_all(path, file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                      R"("b":{"dtype":"F32","shape":[3,0],"data_offsets":[1,1]},)"
                                      R"("c":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                                      3)),
            "");
}

TEST(Safetensors, MalformedIsRefusedWithItsReason) {
  const TempFolder folder;
  const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "{\"x\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
  };
  const std::string good = tensor("\"U8\"", "[4]", "[0,4]");
  const std::string two = R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)";
  const std::string nested = "{\"x\":" + std::string(100000, '[');
  struct Case {
    std::string bytes, reason;
  };
  const std::vector<Case> cases = {
      {"", "too short"},
      {"1234567", "too short"},
      {file_bytes("", 0), "does not start"},
      {file_bytes(good, 4, 100'000'001), "header that is too long"},
      {file_bytes(good, 4, ~uint64_t{0}), "header that is too long"},
      {file_bytes(good, 4, good.size() + 5), "1 bytes short of its header"},
      {file_bytes(" " + good, 4), "does not start"},
      {file_bytes("[]", 0), "does not start"},
      {file_bytes("{", 0), "not JSON"},
      {file_bytes("{}x", 0), "not JSON"},
      {file_bytes(good + "\xff", 4), "not JSON"},
      {file_bytes(R"({"x":1})", 0), "where the format has none"},
      {file_bytes(R"({"x":[]})", 0), "where the format has none"},
      {file_bytes(R"({"x":null})", 0), "where the format has none"},
      {file_bytes(R"({"x":{}})", 0), "lacks a field"},
      {file_bytes(R"({"x":{"dtype":"U8","shape":[4]}})", 4), "lacks a field"},
      {file_bytes(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":1}})", 4), "unknown field"},
      {file_bytes(R"({"x":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4), "field given twice"},
      {file_bytes(two + R"("x":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}})", 4), "tensor given twice"},
      {file_bytes(R"({"__metadata__":{"a":1}})", 0), "where the format has none"},
      {file_bytes(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "key given twice"},
      {file_bytes(R"({"__metadata__":"a"})", 0), "where the format has none"},
      {file_bytes(tensor("\"F8_E4M3\"", "[4]", "[0,4]"), 4), "dtype is not supported"},
      {file_bytes(tensor("8", "[4]", "[0,4]"), 4), "where the format has none"},
      {file_bytes(tensor("\"U8\"", "4", "[0,4]"), 4), "where the format has none"},
      {file_bytes(tensor("\"U8\"", "[[4]]", "[0,4]"), 4), "where the format has none"},
      {file_bytes(tensor("\"U8\"", "[-4]", "[0,4]"), 4), "a negative number"},
      {file_bytes(tensor("\"U8\"", "[4.0]", "[0,4]"), 4), "no 64-bit integer"},
      {file_bytes(tensor("\"U8\"", "[18446744073709551616]", "[0,4]"), 4), "no 64-bit integer"},
      {file_bytes(tensor("\"U8\"", "[9223372036854775808]", "[0,4]"), 4), "too large"},
      {file_bytes(tensor("\"F32\"", "[4611686018427387904]", "[0,0]"), 0), "too large"},
      {file_bytes(tensor("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0), "too large"},
      {file_bytes(tensor("\"U8\"", "[0,4294967296,4294967296]", "[0,0]"), 0), "too large"},
      {file_bytes(tensor("\"U8\"", "[4]", "[0,4,4]"), 4), "wrong length"},
      {file_bytes(tensor("\"U8\"", "[4]", "[4]"), 4), "wrong length"},
      {file_bytes(tensor("\"U8\"", "[4]", "[1,5]"), 5), "gap or overlap"},
      {file_bytes(tensor("\"U8\"", "[4]", "[4,0]"), 4), "gap or overlap"},
      {file_bytes(two + R"("y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6), "gap or overlap"},
      {file_bytes(two + R"("y":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4), "gap or overlap"},
      {file_bytes(two + R"("y":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})", 9), "gap or overlap"},
      {file_bytes(tensor("\"U8\"", "[3]", "[0,4]"), 4), "do not fit"},
      {file_bytes(tensor("\"F16\"", "[4]", "[0,4]"), 4), "do not fit"},
      {file_bytes(good, 1), "3 bytes short"},
      {file_bytes(good, 5), "1 bytes after"},
      {file_bytes(nested, 0), "where the format has none"},
      {file_bytes(R"({"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\2", "other than 0 and 1"},
  };
  EXPECT_EQ(read_all(folder / "f", file_bytes(good, 4)), "");
  for (const Case& item : cases) {
    const std::string message = read_all(folder / "f", item.bytes);
    EXPECT_NE(message.find(item.reason), std::string::npos) << item.reason << " not in: " << message;
    EXPECT_NE(message.find(folder / "f"), std::string::npos) << message;
    EXPECT_LT(message.size(), 1000U);
  }
  std::string deep = "1";
  for (int i = 0; i < 64; ++i) deep += ",1";
  EXPECT_NE(read_all(folder / "f", file_bytes(tensor("\"U8\"", "[" + deep + "]", "[0,1]"), 1)).find("too large"),
            std::string::npos);
}

TEST(Safetensors, AbsentTensorIsNamed) {
  try {
    SafetensorsFile::open(kFixture).tensor("model.nothing");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("\"model.nothing\" is missing"), std::string::npos) << error.what();
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TempFolder folder;
  const std::string whole = read_file(kFixture, 1 << 20);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(read_all(folder / "f", whole.substr(0, size)), "") << size;
  }
}

TEST(Safetensors, MutatedFilesAreReadOrRefused) {
  // Nothing but Error may come out, and (under sanitizers) no access may leave the file.
  const TempFolder folder;
  RandomStream random(2, RandomPurpose::kTest);
  const std::string whole = read_file(kFixture, 1 << 20);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, whole.data(), 8);
  const std::vector<std::string> pieces = {"{",
                                           "}",
                                           "[",
                                           "]",
                                           ",",
                                           ":",
                                           "\"",
                                           "0",
                                           "9",
                                           "-",
                                           "e",
                                           "\\u0000",
                                           "null",
                                           "18446744073709551615",
                                           "9223372036854775807",
                                           "\"x\":",
                                           "[0,0]"};
  int refused = 0;
  const int rounds = 20000;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = whole;
    for (uint64_t edits = 1 + random.next_below(3); edits > 0; --edits) {
      const size_t at = random.next_below(std::min<uint64_t>(bytes.size(), 8 + header_bytes + 16));
      switch (random.next_below(4)) {
        case 0:
          bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << random.next_below(8)));
          break;
        case 1:
          bytes.erase(at, 1 + random.next_below(4));
          break;
        case 2:
          bytes.insert(at, pieces[random.next_below(pieces.size())]);
          break;
        default: {
          const size_t from = 8 + random.next_below(header_bytes);
          bytes.replace(at, std::min<size_t>(bytes.size() - at, 6), bytes.substr(from, 1 + random.next_below(12)));
        }
      }
    }
    if (random.next_bernoulli(0.5)) {  // let the header's length fit again, so that more than the length is tested
      const uint64_t length = header_bytes + bytes.size() - whole.size();
      std::memcpy(bytes.data(), &length, 8);
    }
    refused += read_all(folder / "f", bytes).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, rounds / 2);
  EXPECT_LT(refused, rounds);
}

}  // namespace
}  // namespace hone

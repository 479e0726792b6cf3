#include "checkpoint/manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoint/states.h"
#include "core/faults.h"
#include "hone/core/error.h"
#include "hone/core/hash.h"
#include "hone/core/random.h"

namespace hone {
namespace {

using Json = nlohmann::json;
using test::state_at;
using test::TempFolder;

Manifest example() {
  return {.step = 12,
          .world_size = 2,
          .files = {{"a.safetensors", 5, sha256("a")}, {"b.json", ~uint64_t{0}, sha256("b")}},
          .info = {{"config", "x\ny"}}};
}

/// A manifest whose own hash is right, whatever its content.
std::string sealed(Json body) {
  body["sha256"] = sha256(body.dump());
  return body.dump(1) + "\n";
}

Json example_body() {
  Json body = Json::parse(to_text(example()));
  body.erase("sha256");
  return body;
}

TEST(Manifest, ComesBack) {
  const Manifest back = parse_manifest(to_text(example()), "m");
  EXPECT_EQ(back.step, 12);
  EXPECT_EQ(back.world_size, 2);
  ASSERT_EQ(back.files.size(), 2U);
  EXPECT_EQ(back.files[1].name, "b.json");
  EXPECT_EQ(back.files[1].size, ~uint64_t{0});
  EXPECT_EQ(back.files[1].sha256, sha256("b"));
  EXPECT_EQ(back.info, example().info);
  EXPECT_EQ(sealed(example_body()), to_text(example()));
}

TEST(Manifest, NamesThatLeaveTheFolderAreRefused) {
  for (const std::string& name :
       {std::string("../x"), std::string("/x"), std::string("a/b"), std::string(".."), std::string("."), std::string(),
        std::string(".hidden"), std::string("a\\b"), std::string("a\0b", 3)}) {
    Json body = example_body();
    body["files"][0]["name"] = name;
    EXPECT_THROW(parse_manifest(sealed(body), "m"), Error) << name;
  }
}

TEST(Manifest, WrongTypesAndMissingFieldsAreRefused) {
  for (const char* const key : {"format", "step", "world_size", "files", "info"}) {
    Json body = example_body();
    body[key] = "text";
    EXPECT_THROW(parse_manifest(sealed(body), "m"), Error) << key;
    body.erase(key);
    EXPECT_THROW(parse_manifest(sealed(body), "m"), Error) << key;
  }
  EXPECT_THROW(parse_manifest("[]", "m"), Error);
  EXPECT_THROW(parse_manifest("", "m"), Error);
  EXPECT_THROW(parse_manifest("{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}", "m"), Error);
}

TEST(Manifest, EveryFlippedBitIsNoticed) {
  const std::string text = to_text(example());
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << bit % 8));
    EXPECT_THROW(parse_manifest(flipped, "m"), Error) << bit;
  }
}

TEST(Manifest, RandomEditsWithARightHashAreReadOrRefused) {
  RandomStream random(1, RandomPurpose::kTest);
  const std::string text = example_body().dump();
  const std::vector<std::string> pieces = {"{", "}", "[", "]", ",", "\"", "-1", "1e400", "null", "\"\"", "0.5"};
  int parsed = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string edited = text;
    const size_t at = random.next_below(edited.size());
    edited.replace(at, random.next_below(5), pieces[random.next_below(pieces.size())]);
    const Json body = Json::parse(edited, nullptr, false);
    if (!body.is_object()) continue;
    ++parsed;
    try {
      parse_manifest(sealed(body), "m");
    } catch (const Error&) {
    } catch (const UnreadableFormat&) {
    }
  }
  EXPECT_GT(parsed, 100);
}

/// Seals another value of `key` into the manifest of the newest checkpoint.
void reseal(const std::filesystem::path& file, const char* key, int64_t value) {
  Json body = Json::parse(read_file(file, 1 << 20));
  body.erase("sha256");
  body[key] = value;
  std::ofstream(file) << sealed(body);
}

TEST(Manifest, WhatThisVersionCannotReadIsNotTakenForDamage) {
  // Going back behind a sound checkpoint of a later version would quietly lose work.
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(1, state_at(1));
  store.save(2, state_at(2));
  reseal(folder / "step-000002" / "manifest.json", "format", 4);
  EXPECT_THROW(store.load_newest(), Error);
}

TEST(Manifest, OfOtherRanksThanHaveFilesIsDamage) {
  for (const int ranks : {-1, 0, 2, 4}) {
    const TempFolder folder;
    CheckpointStore store(folder.path(), 2);
    store.save(1, state_at(1));
    store.save(2, state_at(2));
    reseal(folder / "step-000002" / "manifest.json", "world_size", ranks);
    EXPECT_EQ(store.load_newest().checkpoint.value().step, 1) << ranks;
  }
}

TEST(Manifest, OfAnotherStepIsDamage) {
  const TempFolder folder;
  CheckpointStore store(folder.path(), 2);
  store.save(1, state_at(1));
  store.save(2, state_at(2));
  std::filesystem::rename(folder / "step-000002", folder / "step-000003");
  const LoadResult result = store.load_newest();
  EXPECT_EQ(result.checkpoint.value().step, 1);
  EXPECT_EQ(result.refused.size(), 1U);
}

}  // namespace
}  // namespace hone

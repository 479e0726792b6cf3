#include "hone/data/records.h"

#include <gtest/gtest.h>

#include "hone/core/error.h"

namespace hone {
namespace {

TEST(Record, GivesFieldsAsText) {
  const Record r = Record::parse(
      R"({"answer": "七", "n": 12, "x": 0.5, "flag": true, "list": [1], "map": {}, "none": null})", "data.jsonl:1");
  EXPECT_EQ(r.text("answer"), "七");
  EXPECT_EQ(r.text("n"), "12");
  EXPECT_EQ(r.text("x"), "0.5");
  EXPECT_EQ(r.text("flag"), "true");
  for (const char* key : {"list", "map", "none", "absent"}) EXPECT_EQ(r.text(key), std::nullopt) << key;
  EXPECT_TRUE(r.has("list") && r.has("none"));
  EXPECT_FALSE(r.has("absent"));
}

TEST(Record, GivesFieldsAsListsAndJson) {
  const Record r = Record::parse(
      R"({"n": [3, 0.5, "七", true], "one": 7, "text": "a b", "empty": [], "nested": [1, [2]], "map": {"a": 1}, "none": null})",
      "data.jsonl:1");
  using List = std::vector<std::string>;
  EXPECT_EQ(r.list("n"), (List{"3", "0.5", "七", "true"}));
  EXPECT_EQ(r.list("one"), (List{"7"}));
  EXPECT_EQ(r.list("text"), (List{"a b"}));
  EXPECT_EQ(r.list("empty"), List{});
  for (const char* key : {"nested", "map", "none", "absent"}) EXPECT_EQ(r.list(key), std::nullopt) << key;
  EXPECT_EQ(r.json("nested"), "[1,[2]]");
  EXPECT_EQ(r.json("map"), R"({"a":1})");
  EXPECT_EQ(r.json("none"), "null");
  EXPECT_EQ(r.json("absent"), std::nullopt);
}

TEST(Record, KeepsTheOrderOfItsFields) {
  const char* const text = R"({"z":1,"a":"é七","m":[1,{"b":null}]})";
  EXPECT_EQ(Record::parse(text, "x").dump(), text);
  EXPECT_EQ(Record().dump(), "{}");
}

TEST(Record, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](size_t depth) { return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}"; };
  EXPECT_EQ(Record::parse(nested(150), "x").dump(), nested(150));
  EXPECT_THROW(Record::parse(nested(300), "x"), Error);
  EXPECT_THROW(Record::parse(nested(1'000'000), "x"), Error);
}

TEST(Record, SaysWhereTheLineIsNoObject) {
  for (const char* text : {"", "{", "[1]", "7", R"({"a":1} x)"}) {
    try {
      Record::parse(text, "data.jsonl:17");
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_TRUE(std::string(error.what()).starts_with("data.jsonl:17: ")) << error.what();
    }
  }
}

TEST(FinishReason, HasNames) {
  EXPECT_EQ(to_string(FinishReason::kStop), "stop");
  EXPECT_EQ(to_string(FinishReason::kLength), "length");
  EXPECT_EQ(to_string(FinishReason::kAbort), "abort");
}

}  // namespace
}  // namespace hone

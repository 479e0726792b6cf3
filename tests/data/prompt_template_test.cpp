#include "hone/data/prompt_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "hone/core/error.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

class PromptTemplateTest : public ::testing::Test {
 protected:
  PromptTemplateTest() {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "templates");
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  static std::string fill(const std::string& name, const std::string& folder, const std::string& text) {
    Prompt prompt;
    prompt.text = text;
    return PromptTemplate::load(name, folder).fill(prompt);
  }
  fs::path folder_ = fs::path(::testing::TempDir()) / "hone_prompt_template";
};

TEST_F(PromptTemplateTest, FillsTheBuiltInOnes) {
  EXPECT_EQ(fill("none", folder_, "1 + 1 ?"), "1 + 1 ?");
  const std::string zero = fill("r1_zero", folder_, "What is 1 + 1?");
  EXPECT_TRUE(zero.starts_with("A conversation between User and Assistant.")) << zero;
  EXPECT_TRUE(zero.ends_with("User: What is 1 + 1?. Assistant:")) << zero;
  EXPECT_NE(zero.find("<think> reasoning process here </think> <answer> answer here </answer>"), std::string::npos);
}

TEST_F(PromptTemplateTest, AModelsOwnFormComesFirst) {
  write("templates/r1_zero.txt", "<user> {{prompt}} <assistant>\n");
  write("templates/mine.txt", "{{prompt}}\n\n");
  EXPECT_EQ(fill("r1_zero", folder_, "x"), "<user> x <assistant>");
  EXPECT_EQ(fill("mine", folder_, "x"), "x\n");
}

TEST_F(PromptTemplateTest, AFileIsNamedByItsPath) {
  const std::string path = write("own.txt", "Q: {{prompt}}\nA:");
  EXPECT_EQ(fill(path, "nowhere", "{{prompt}}"), "Q: {{prompt}}\nA:");
}

TEST_F(PromptTemplateTest, AChatIsTheModelsOwn) {
  write("chat_template.jinja",
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}");
  write("tokenizer_config.json", R"({"bos_token": "<s>"})");
  EXPECT_EQ(fill("chat", folder_, "say \"a\"\\"), "<s>[user] say \"a\"\\\n[assistant]");
  Prompt prompt;
  prompt.id = "data.jsonl:3";
  prompt.record =
      Record::parse(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]})", prompt.id);
  EXPECT_EQ(PromptTemplate::load("chat", folder_).fill(prompt), "<s>[system] s\n[user] u\n[assistant]");
  EXPECT_THROW(PromptTemplate::load("none", folder_).fill(prompt), Error) << "two messages are no one text";
  write("chat_template.jinja", "{{ raise_exception('roles must alternate') }}");
  try {
    PromptTemplate::load("chat", folder_).fill(prompt);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("data.jsonl:3"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("roles must alternate"), std::string::npos) << error.what();
  }
}

TEST_F(PromptTemplateTest, RefusesWhatItCannotFill) {
  const auto fails = [&](const std::string& name) {
    try {
      PromptTemplate::load(name, folder_);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(fails("r1_zer").find("got r1_zer"), std::string::npos);
  EXPECT_NE(fails("missing.txt").find("missing.txt"), std::string::npos);
  EXPECT_NE(fails(write("without.txt", "prompt")).find("exactly once"), std::string::npos);
  EXPECT_NE(fails(write("twice.txt", "{{prompt}} {{prompt}}")).find("exactly once"), std::string::npos);
}

}  // namespace
}  // namespace hone

#include "hone/data/prompt_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "hone/core/error.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

class PromptTemplate : public ::testing::Test {
 protected:
  PromptTemplate() {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "templates");
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  fs::path folder_ = fs::path(::testing::TempDir()) / "hone_prompt_template";
};

TEST_F(PromptTemplate, FillsTheBuiltInOnes) {
  EXPECT_EQ(fill_template(load_template("none", folder_), "1 + 1 ?"), "1 + 1 ?");
  const std::string zero = fill_template(load_template("r1_zero", folder_), "What is 1 + 1?");
  EXPECT_TRUE(zero.starts_with("A conversation between User and Assistant.")) << zero;
  EXPECT_TRUE(zero.ends_with("User: What is 1 + 1?. Assistant:")) << zero;
  EXPECT_NE(zero.find("<think> reasoning process here </think> <answer> answer here </answer>"), std::string::npos);
}

TEST_F(PromptTemplate, AModelsOwnFormComesFirst) {
  write("templates/r1_zero.txt", "<user> {{prompt}} <assistant>\n");
  write("templates/mine.txt", "{{prompt}}\n\n");
  EXPECT_EQ(fill_template(load_template("r1_zero", folder_), "x"), "<user> x <assistant>");
  EXPECT_EQ(fill_template(load_template("mine", folder_), "x"), "x\n");
}

TEST_F(PromptTemplate, AFileIsNamedByItsPath) {
  const std::string path = write("own.txt", "Q: {{prompt}}\nA:");
  EXPECT_EQ(fill_template(load_template(path, "nowhere"), "{{prompt}}"), "Q: {{prompt}}\nA:");
}

TEST_F(PromptTemplate, RefusesWhatItCannotFill) {
  const auto fails = [&](const std::string& name) {
    try {
      load_template(name, folder_);
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

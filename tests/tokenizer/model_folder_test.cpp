// Chat templates as model folders hold them, and what transformers passes to them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "chat_templates.h"
#include "core/faults.h"

namespace hone {
namespace {

namespace fs = std::filesystem;
using test::Json;

class ModelFolder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  ChatTemplates load() const { return ChatTemplates::load(folder_.path().string()); }

  const test::TempFolder folder_;
  const std::string chat_ = R"({"messages": [{"role": "user", "content": "hi"}]})";
};

TEST_F(ModelFolder, TheFileWinsOverTheConfig) {
  write("tokenizer_config.json", R"({"chat_template": "config", "bos_token": {"content": "<b>"}, "eos_token": "<e>"})");
  EXPECT_EQ(load().render(chat_), "config");
  write("chat_template.jinja", "file {{ bos_token }}{{ eos_token }}{{ pad_token is defined }}\n");
  EXPECT_EQ(load().render(chat_), "file <b><e>False");
}

TEST_F(ModelFolder, NamedTemplates) {
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]})");
  const ChatTemplates templates = load();
  EXPECT_EQ(templates.render(chat_), "plain");
  EXPECT_EQ(templates.render(R"({"messages": [{}], "tools": []})"), "tools");
  EXPECT_EQ(templates.render(R"({"messages": [{}], "tools": null})"), "plain");
  EXPECT_EQ(templates.render(R"({"messages": [{}], "chat_template": "tool_use"})"), "tools");
  EXPECT_THROW(templates.render(R"({"messages": [{}], "chat_template": "rag"})"), Error);
  write("additional_chat_templates/rag.jinja", "documents: {{ documents | length }}");
  EXPECT_EQ(load().render(R"({"messages": [{}], "chat_template": "rag", "documents": [{}]})"), "documents: 1");
  EXPECT_THROW(load().render(chat_), Error) << "the files replace the config, and there is no default among them";
}

TEST_F(ModelFolder, VariablesAreThoseOfTransformers) {
  write("chat_template.jinja",
        "{{ tools is none }} {{ documents is none }} {{ add_generation_prompt }} {{ bos_token }} {{ messages }}");
  write("special_tokens_map.json", R"({"bos_token": "<map>"})");
  EXPECT_EQ(load().render(chat_), "True True False <map> [{'role': 'user', 'content': 'hi'}]");
  write("tokenizer_config.json", R"({"bos_token": "<config>", "added_tokens_decoder": {}})");
  const Json chat = {{"messages", {{{"role", "assistant"}, {"content", nullptr}, {"reasoning", "r"}}}},
                     {"add_generation_prompt", true}};
  EXPECT_EQ(
      load().render(chat.dump()),
      "True True True <config> [{'thinking': 'r', 'role': 'assistant', 'reasoning': 'r', 'reasoning_content': 'r'}]");
  EXPECT_EQ(load().render(R"({"messages": [{}], "bos_token": "<own>"})"), "True True False <own> [{}]");
}

TEST_F(ModelFolder, WhatIsMissingIsNamed) {
  EXPECT_THROW(load(), Error);
  EXPECT_THROW(ChatTemplates::load((folder_ / "nowhere").string()), Error);
  write("chat_template.jinja", "x");
  for (const char* chat :
       {"{}", "[]", "{", R"({"messages": []})", R"({"messages": "hi"})", R"({"messages": ["hi"]})"}) {
    EXPECT_THROW(load().render(chat), Error) << chat;
  }
}

TEST_F(ModelFolder, QwenAsItIsShipped) {
  const char* const shared = std::getenv("HONE_SHARED_DATA");
  const fs::path folder =
      fs::path(shared != nullptr ? shared : std::string(HONE_SOURCE_DIR) + "/../shared/data") / "tokenizers/qwen2.5";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  EXPECT_EQ(ChatTemplates::load(folder.string())
                .render(R"({"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": true})"),
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

}  // namespace
}  // namespace hone

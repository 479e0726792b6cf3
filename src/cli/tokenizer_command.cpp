// hone tokenizer: text to token ids and back.
#include <memory>
#include <string>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/tokenizer/tokenizer.h"
#include "jsonl.h"
#include "tokenizer_chat.h"

namespace hone::cli {
namespace {

struct Options {
  std::string tokenizer, input, special = "parse";
  bool add_bos = false, no_add_bos = false;

  bool parse_special() const { return special == "parse"; }
  EncodeOptions encoding() const {
    EncodeOptions options{.parse_special = parse_special()};
    if (add_bos || no_add_bos) options.add_bos = add_bos;
    return options;
  }
};

void encode(const Options& options) {
  const Tokenizer tokenizer = Tokenizer::load(options.tokenizer);
  const EncodeOptions encoding = options.encoding();
  read_jsonl(options.input, [&](Json row, const std::string& place) {
    row["ids"] = tokenizer.encode(text_field(row, "text", place), encoding);
    write_jsonl(row);
  });
}

void decode(const Options& options) {
  const Tokenizer tokenizer = Tokenizer::load(options.tokenizer);
  read_jsonl(options.input, [&](Json row, const std::string& place) {
    const std::vector<int32_t> ids = ids_field(row, "ids", place);
    for (const int32_t id : ids) {
      HONE_CHECK(id < tokenizer.vocab_size(), .what = "token id outside the vocabulary", .place = place,
                 .got = std::to_string(id), .expected = fmt::format("below {}", tokenizer.vocab_size()));
    }
    row["text"] = tokenizer.decode(ids, /*skip_special=*/!options.parse_special());
    write_jsonl(row);
  });
}

// A sub-command of `hone tokenizer` with what all of them take.
CLI::App* add_part(CLI::App& tokenizer, const char* name, const char* description, const char* input,
                   const std::shared_ptr<Options>& options) {
  CLI::App* part = tokenizer.add_subcommand(name, description);
  part->add_option("--tokenizer", options->tokenizer, "Folder with the tokenizer's files")->required();
  part->add_option("--input", options->input, std::string(input) + "; by default standard input");
  return part;
}

void add_bos_options(CLI::App* part, const std::shared_ptr<Options>& options) {
  CLI::Option* add = part->add_flag("--add-bos", options->add_bos, "Begin with the token that begins a text");
  part->add_flag("--no-add-bos", options->no_add_bos, "Begin without it; by default as the files say")->excludes(add);
}

void add_encode(CLI::App& tokenizer) {
  const auto options = std::make_shared<Options>();
  CLI::App* part = add_part(tokenizer, "encode", "Adds the token ids \"ids\" of every \"text\"",
                            "JSON Lines with a \"text\" each", options);
  part->add_option("--special", options->special, "Special tokens in the text: parse them, or take them as plain text")
      ->check(CLI::IsMember({"parse", "plain"}))
      ->capture_default_str();
  add_bos_options(part, options);
  part->footer("Example:\n  echo '{\"text\": \"What is 2 + 2?\"}' | hone tokenizer encode --tokenizer DIR");
  part->callback([options] { encode(*options); });
}

void add_decode(CLI::App& tokenizer) {
  const auto options = std::make_shared<Options>();
  CLI::App* part = add_part(tokenizer, "decode", "Adds the \"text\" of every list of token ids \"ids\"",
                            "JSON Lines with a list \"ids\" each", options);
  part->add_option("--special", options->special, "Special tokens: parse shows them in the text, plain leaves them out")
      ->check(CLI::IsMember({"parse", "plain"}))
      ->capture_default_str();
  add_bos_options(part, options);  // without effect: a script may give both commands the same options
  part->footer("Example:\n  echo '{\"ids\": [9707, 1879]}' | hone tokenizer decode --tokenizer DIR");
  part->callback([options] { decode(*options); });
}

void add_chat_part(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* part = add_part(parent, "chat", "The text and the ids that a model is given for a conversation",
                            "JSON Lines with \"messages\" each, and whatever else the chat template asks for", options);
  part->footer(
      "Example:\n"
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"add_generation_prompt\": true}' |\n"
      "    hone tokenizer chat --tokenizer DIR");
  part->callback([options] {
    const Tokenizer tokenizer = Tokenizer::load(options->tokenizer);
    tokenizer_chat(options->tokenizer, options->input, [&](const std::string& text) {
      return tokenizer.encode(text, {.parse_special = true, .add_bos = false});
    });
  });
}

}  // namespace

void add_tokenizer(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("tokenizer", "Text to token ids and back");
  command->require_subcommand(1);
  command->footer(
      "DIR is a model folder, or any with tokenizer.json, vocab.json and merges.txt, a SentencePiece model or a\n"
      "tiktoken file.\n\n"
      "Example:\n"
      "  echo '{\"text\": \"What is 2 + 2?\"}' | hone tokenizer encode --tokenizer DIR");
  add_encode(*command);
  add_decode(*command);
  add_chat_part(*command);
}

}  // namespace hone::cli

// hone import: a llama.cpp file in, a Hugging Face model folder out.
#include <filesystem>
#include <memory>
#include <string>

#include "commands.h"
#include "hone/core/error.h"
#include "hone/core/file.h"
#include "hone/core/log.h"
#include "hone/model/gguf.h"
#include "hone/pipeline/run.h"
#include "import/gguf_model.h"
#include "import/gguf_tokenizer.h"

namespace hone::cli {
namespace {

namespace fs = std::filesystem;

void import_gguf(const std::string& path, const std::string& output) {
  prepare_process(std::nullopt);
  HONE_CHECK(!fs::exists(output) || (fs::is_directory(output) && fs::is_empty(output)),
             .what = "the folder is not empty", .place = output, .got = {}, .expected = "a new or empty folder");
  const GgufFile file = GgufFile::open(path);
  const TokenizerFiles tokenizer = tokenizer_files(file);
  create_folders(output);
  write_model(file, output);
  write_atomic(fs::path(output) / "tokenizer.json", tokenizer.tokenizer.dump() + "\n");
  write_atomic(fs::path(output) / "tokenizer_config.json", tokenizer.tokenizer_config.dump(2) + "\n");
  log_info(fmt::format("{} is a model folder now", output));
}

}  // namespace

void add_import(CLI::App& app, int&) {
  struct Options {
    std::string file, output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("import", "Make a model folder of a llama.cpp file (GGUF)");
  command->add_option("file", options->file, "The file; its weights may be quantised and become float32")->required();
  command->add_option("--output", options->output, "The new folder")->required();
  command->footer("Example:\n  hone import SmolLM2-135M-Instruct.Q4_1.gguf --output models/smollm2");
  command->callback([options] { import_gguf(options->file, options->output); });
}

}  // namespace hone::cli

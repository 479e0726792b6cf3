#include "reward/code/languages.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "reward/embedded.h"

namespace hone::code {
namespace {

namespace fs = std::filesystem;

/// What every dynamic program needs, and the ordinary commands; of these paths, the ones that are there.
std::vector<std::string> system_folders() {
  std::vector<std::string> folders;
  for (const char* folder : {"/bin", "/lib", "/lib32", "/lib64", "/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64",
                             "/usr/libexec", "/etc/ld.so.cache", "/etc/alternatives"}) {
    if (fs::exists(fs::symlink_status(folder))) folders.push_back(folder);
  }
  return folders;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

Language python(const std::string& interpreter) {
  Language language;
  language.name = "python";
  language.other_names = {"py", "python3", "py3"};
  language.source = "/box/program.py";
  language.tool = interpreter.empty() ? "/usr/bin/python3" : interpreter;
  language.package = "python3";
  // -s and -S: no packages of the user or the site, which differ from machine to machine.
  language.run = {language.tool, "-s", "-S", "/box/script.py"};
  language.files = {{"/box/script.py", std::string(embedded::python_script())}};
  language.visible = system_folders();
  language.compile_error_code = 65;
  std::error_code none;
  const fs::path real = fs::canonical(language.tool, none);
  if (!none && real.string().rfind("/usr/", 0) != 0) language.visible.push_back(real.parent_path().parent_path());
  return language;
}

Language cpp() {
  Language language;
  language.name = "cpp";
  language.other_names = {"c++", "cc", "cxx", "cpp17", "cpp20", "gnu++17", "gnu++20"};
  language.source = "/box/program.cpp";
  language.tool = "/usr/bin/g++";
  language.package = "g++";
  language.compile = {"/bin/sh", "-c",
                      "/usr/bin/g++ -std=gnu++20 -O2 -pipe -w -fmax-errors=3 -o /tmp/program /box/program.cpp && "
                      "exec cat /tmp/program"};
  language.run = {kCompiledPath};
  language.visible = system_folders();
  if (fs::exists("/usr/include")) language.visible.push_back("/usr/include");
  return language;
}

}  // namespace

bool Language::is_called(std::string_view word) const {
  const std::string wanted = lower(word);
  return wanted == name || std::find(other_names.begin(), other_names.end(), wanted) != other_names.end();
}

bool Language::available() const {
  return access(tool.c_str(), X_OK) == 0;
}

std::vector<Language> make_languages(const std::string& interpreter) {
  return {python(interpreter), cpp()};
}

RunLimits compile_limits() {
  RunLimits limits;
  limits.cpu_seconds = 20;
  limits.wall_seconds = 60;
  limits.memory_bytes = 1LL << 30;
  limits.processes = 32;
  limits.file_bytes = 64LL << 20;
  limits.disk_bytes = 128LL << 20;
  limits.output_bytes = 64LL << 20;
  limits.descriptors = 256;
  return limits;
}

}  // namespace hone::code

// The table of programming languages: how a program of each is compiled and run in a box. A new language is one more
// entry in languages.cpp. Immutable after it was made, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hone/reward/sandbox.h"

namespace hone::code {

struct Language {
  std::string name;
  std::vector<std::string> other_names;  ///< in the field `language` and behind the fence of a block
  std::string source;                    ///< where the program's text lies in its box
  std::vector<std::string> compile;      ///< empty: nothing to compile; else it writes the program to standard output
  std::vector<std::string> run;          ///< a compiled program lies at kCompiledPath
  std::vector<BoxFile> files;            ///< what the box needs beside it
  std::vector<std::string> visible;      ///< of this machine
  int compile_error_code = 0;            ///< exit code of `run` for a text that does not compile; 0: none
  std::string tool;                      ///< the interpreter or compiler on this machine
  std::string package;                   ///< the Debian package that brings it

  bool is_called(std::string_view word) const;  ///< case does not matter
  bool available() const;
};

inline constexpr char kCompiledPath[] = "/box/program";

/// `python`: the interpreter, or empty for the system's.
std::vector<Language> make_languages(const std::string& python);

/// Bounds of a compilation.
RunLimits compile_limits();

}  // namespace hone::code

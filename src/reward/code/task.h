// A record as a task: which tests a program must pass. Pure, thread-safe.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "hone/data/records.h"

namespace hone::code {

/// Programs that read standard input and write standard output.
struct StreamTests {
  struct Case {
    std::string input, output;
  };
  std::vector<Case> cases;
  std::string checker;  ///< Python that defines check(input, expected, output); empty: the outputs are compared
};

/// Functions that are called.
struct FunctionTests {
  std::string test;                ///< one text; the HumanEval form
  std::vector<std::string> list;   ///< or single assertions; the MBPP form
  std::vector<std::string> setup;  ///< runs before them
  std::string entry_point;         ///< name of the function, or empty
  std::string prompt;              ///< of the task, or empty; code in the HumanEval form
  std::string imports;             ///< run before the program, or empty; of LiveCodeBench
};

struct Task {
  std::string language;  ///< as the record names it
  std::variant<StreamTests, FunctionTests> tests;
};

/// Throws std::invalid_argument, saying what is wrong with the record.
Task read_task(const Record& record);

}  // namespace hone::code

// Files that the build puts into the library as they are: the sandbox program and the harnesses.
#pragma once

#include <string_view>

// Defines `std::string_view NAME()` (declared elsewhere, in namespace hone::embedded) as the bytes of the file PATH.
#define HONE_EMBED(NAME, PATH)                                                                                         \
  __asm__(".section .rodata\n.global hone_embedded_" #NAME "\n.global hone_embedded_" #NAME                            \
          "_end\nhone_embedded_" #NAME ":\n.incbin \"" PATH "\"\nhone_embedded_" #NAME "_end:\n.byte 0\n.previous\n"); \
  extern "C" const char hone_embedded_##NAME[], hone_embedded_##NAME##_end[];                                          \
  std::string_view hone::embedded::NAME() {                                                                            \
    return {hone_embedded_##NAME, static_cast<size_t>(hone_embedded_##NAME##_end - hone_embedded_##NAME)};             \
  }

namespace hone::embedded {

std::string_view sandbox_program();

std::string_view python_values();      ///< plain values as text; goes before the next two
std::string_view python_judge();       ///< runs the tests
std::string_view python_candidate();   ///< runs the program under test and answers the judge
std::string_view python_script();      ///< runs a whole program
std::string_view python_precompile();  ///< turns judge and candidate into byte code
std::string_view python_checker();     ///< asks a checker about an output
std::string_view cpp_remote();         ///< values, judge and candidate for C++

}  // namespace hone::embedded

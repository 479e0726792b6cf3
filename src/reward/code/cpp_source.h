// Reads C++ text far enough to find a function's declaration. Pure functions of any bytes, linear, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hone::code {

/// The text with comments, string and character literals and preprocessor lines replaced by blanks of the same length.
std::string blank_out(std::string_view source);

/// A function found outside of all braces.
struct CppFunction {
  size_t start = 0;         ///< where its declaration starts
  std::string declaration;  ///< "long add(std::vector<long> lst)"
};
/// The last function of that name which is followed by a body. Nothing when its declaration holds anything but types
/// and names.
std::optional<CppFunction> find_cpp_function(std::string_view source, std::string_view name);

/// Opening minus closing braces.
int open_braces(std::string_view source);

/// The name that a test of the MultiPL-E form is about: the one in `auto candidate = NAME;`.
std::string find_candidate_name(std::string_view test);

/// The lines that include headers or open namespaces, which a declaration may need.
std::string header_lines(std::string_view source);

}  // namespace hone::code

// Python's textwrap, for the filter wordwrap. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hone::jinja {

/// The lines of at most `width` code points that textwrap.wrap makes of one line, with expand_tabs and
/// replace_whitespace off. Throws Failure for a width of 0 or less.
std::vector<std::string> wrap_line(std::string_view line, int64_t width, bool break_long_words, bool break_on_hyphens);

}  // namespace hone::jinja

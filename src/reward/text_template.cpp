#include "reward/text_template.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "hone/core/error.h"

namespace hone {

TextTemplate::TextTemplate(std::string_view text, const std::vector<std::string_view>& names, std::string_view key) {
  const auto take = [this](bool place, std::string_view piece) {
    if (!piece.empty()) pieces_.push_back({place, std::string(piece)});
  };
  while (!text.empty()) {
    const size_t begin = std::min(text.find("{{"), text.size()), end = text.find("}}", begin);
    if (end == std::string_view::npos) break;
    const std::string_view name = text.substr(begin + 2, end - begin - 2);
    HONE_CHECK(std::ranges::find(names, name) != names.end(), .what = "unknown place in a template",
               .place = std::string(key), .got = fmt::format("{{{{{}}}}}", name),
               .expected = fmt::format("{{{{{}}}}}", fmt::join(names, "}}, {{")));
    take(false, text.substr(0, begin));
    take(true, name);
    text.remove_prefix(end + 2);
  }
  take(false, text);
}

int64_t TextTemplate::count(std::string_view name) const {
  return std::ranges::count_if(pieces_, [&](const Piece& piece) { return piece.place && piece.text == name; });
}

}  // namespace hone

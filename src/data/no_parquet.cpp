#include "hone/core/error.h"
#include "parquet.h"

namespace hone {

void for_each_parquet_row(const std::string& path, const std::function<void(std::string_view, const std::string&)>&) {
  throw_input({.what = "a Parquet file, which this program was built without",
               .place = path,
               .hint = "build it with -DHONE_PARQUET=ON (docs/data.md), or turn the file into JSON Lines"});
}

}  // namespace hone

// Lines of text files, packed or not: the records that users bring. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace hone {

/// Calls `each` with every line that is not blank, without its end, and its place ("data.jsonl:17"). Files packed with
/// gzip, zstd, xz, bzip2 or lz4 are unpacked meanwhile, whatever their names; the rows of a Parquet file are lines of
/// JSON, where the program was built with HONE_PARQUET; an empty path is standard input. Throws
/// Error kInput for a file that cannot be read or is cut off, and for a line above 64 MiB.
void for_each_line(const std::string& path,
                   const std::function<void(std::string_view line, const std::string& place)>& each);

}  // namespace hone

// Parquet files as records. Built with HONE_PARQUET (parquet.cpp), or a source that says that it was not
// (no_parquet.cpp). Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace hone {

/// Whether the file begins as Parquet does, whatever it is called.
bool is_parquet(const std::string& path);

/// Calls `each` with every row as a JSON object and its place ("data.parquet:17", rows counted from 1), one row group
/// in memory at a time. Throws Error kInput for a file that cannot be read, and where the program was built without
/// Parquet.
void for_each_parquet_row(const std::string& path,
                          const std::function<void(std::string_view row, const std::string& place)>& each);

}  // namespace hone

#include "parquet.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>

#include <nlohmann/json.hpp>

#include "hone/core/error.h"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const arrow::Array& array, int64_t row);

Json list_to_json(const arrow::Array& values, int64_t begin, int64_t end) {
  Json list = Json::array();
  for (int64_t i = begin; i < end; ++i) list.push_back(to_json(values, i));
  return list;
}

Json struct_to_json(const arrow::StructArray& array, int64_t row) {
  Json object = Json::object();
  for (int i = 0; i < array.num_fields(); ++i) {
    object[array.struct_type()->field(i)->name()] = to_json(*array.field(i), row);
  }
  return object;
}

template <class Number>
Json number(const arrow::Array& array, int64_t row) {
  return static_cast<const arrow::NumericArray<Number>&>(array).Value(row);
}

// Whatever JSON has no type for (times, decimals) is the text that Arrow writes.
Json to_json(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return nullptr;
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::INT8:
      return number<arrow::Int8Type>(array, row);
    case arrow::Type::INT16:
      return number<arrow::Int16Type>(array, row);
    case arrow::Type::INT32:
      return number<arrow::Int32Type>(array, row);
    case arrow::Type::INT64:
      return number<arrow::Int64Type>(array, row);
    case arrow::Type::UINT8:
      return number<arrow::UInt8Type>(array, row);
    case arrow::Type::UINT16:
      return number<arrow::UInt16Type>(array, row);
    case arrow::Type::UINT32:
      return number<arrow::UInt32Type>(array, row);
    case arrow::Type::UINT64:
      return number<arrow::UInt64Type>(array, row);
    case arrow::Type::FLOAT:
      return number<arrow::FloatType>(array, row);
    case arrow::Type::DOUBLE:
      return number<arrow::DoubleType>(array, row);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return std::string(static_cast<const arrow::BinaryArray&>(array).GetView(row));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return std::string(static_cast<const arrow::LargeBinaryArray&>(array).GetView(row));
    case arrow::Type::DICTIONARY: {
      const auto& words = static_cast<const arrow::DictionaryArray&>(array);
      return to_json(*words.dictionary(), words.GetValueIndex(row));
    }
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& list = static_cast<const arrow::FixedSizeListArray&>(array);
      return list_to_json(*list.values(), list.value_offset(row), list.value_offset(row + 1));
    }
    case arrow::Type::MAP:  // a list of {key, value}
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      return list_to_json(*list.values(), list.value_offset(row), list.value_offset(row + 1));
    }
    case arrow::Type::LARGE_LIST: {
      const auto& list = static_cast<const arrow::LargeListArray&>(array);
      return list_to_json(*list.values(), list.value_offset(row), list.value_offset(row + 1));
    }
    case arrow::Type::STRUCT:
      return struct_to_json(static_cast<const arrow::StructArray&>(array), row);
    default: {
      const auto scalar = array.GetScalar(row);
      return scalar.ok() ? Json((*scalar)->ToString()) : Json();
    }
  }
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    const auto file = value(arrow::io::ReadableFile::Open(path));
    reader_ = value(parquet::arrow::OpenFile(file, arrow::default_memory_pool()));
  }

  void for_each_row(const std::function<void(std::string_view, const std::string&)>& each) const {
    int64_t place = 0;
    for (int group = 0; group < reader_->num_row_groups(); ++group) {
      const auto table = value(value(reader_->ReadRowGroup(group))->CombineChunks());
      for (int64_t row = 0; row < table->num_rows(); ++row) {
        Json record = Json::object();
        for (int c = 0; c < table->num_columns(); ++c) {
          record[table->field(c)->name()] = to_json(*table->column(c)->chunk(0), row);
        }
        each(record.dump(-1, ' ', false, Json::error_handler_t::replace), fmt::format("{}:{}", path_, ++place));
      }
    }
  }

 private:
  void check(const arrow::Status& status) const { HONE_CHECK(status.ok(), .what = status.message(), .place = path_); }
  template <class T>
  T value(arrow::Result<T> result) const {
    check(result.status());
    return std::move(result).ValueUnsafe();
  }

  const std::string& path_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
};

}  // namespace

void for_each_parquet_row(const std::string& path,
                          const std::function<void(std::string_view row, const std::string& place)>& each) {
  Reader(path).for_each_row(each);
}

}  // namespace hone

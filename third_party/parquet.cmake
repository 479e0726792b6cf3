# hone_parquet: Arrow's C++ library with Parquet, 24 or later, for HONE_PARQUET. An installed one is found by itself (packages libarrow-dev and
# libparquet-dev of https://arrow.apache.org/install); or HONE_ARROW names a folder with include/ and the libraries, such as the
# folder of the Python package pyarrow, which brings both.
set(HONE_ARROW "" CACHE PATH "Folder of Arrow's C++ library, where it is not installed")
find_path(HONE_ARROW_INCLUDE parquet/arrow/reader.h HINTS ${HONE_ARROW} PATH_SUFFIXES include)
file(GLOB arrow_libraries ${HONE_ARROW}/libarrow.so* ${HONE_ARROW}/lib/libarrow.so*)
file(GLOB parquet_libraries ${HONE_ARROW}/libparquet.so* ${HONE_ARROW}/lib/libparquet.so*)
if(HONE_ARROW AND arrow_libraries AND parquet_libraries)
  list(GET arrow_libraries 0 HONE_ARROW_LIBRARY)
  list(GET parquet_libraries 0 HONE_PARQUET_LIBRARY)
else()
  find_library(HONE_ARROW_LIBRARY arrow)
  find_library(HONE_PARQUET_LIBRARY parquet)
endif()
if(NOT HONE_ARROW_INCLUDE OR NOT HONE_ARROW_LIBRARY OR NOT HONE_PARQUET_LIBRARY)
  message(FATAL_ERROR "HONE_PARQUET needs Arrow's C++ library: install libarrow-dev and libparquet-dev, or `pip install pyarrow` and set "
    "HONE_ARROW to its folder (python -c 'import pyarrow; print(pyarrow.get_include())' without /include)")
endif()
add_library(hone_parquet INTERFACE)
target_include_directories(hone_parquet SYSTEM INTERFACE ${HONE_ARROW_INCLUDE})
target_link_libraries(hone_parquet INTERFACE ${HONE_PARQUET_LIBRARY} ${HONE_ARROW_LIBRARY})

# Finds every dependency once. All come from the system except LibTorch, which scripts/build unpacks below build/.
# Torch comes last: its package files change global CMake state.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
# Header-only: LibTorch ships headers of another fmt version, which come first in the files that include both; inline namespaces keep
# the two apart.
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
if(HONE_TESTS)
  find_package(GTest REQUIRED)
endif()

find_path(HONE_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
add_library(hone_random123 INTERFACE)
target_include_directories(hone_random123 SYSTEM INTERFACE ${HONE_RANDOM123_INCLUDE})

find_path(HONE_SENTENCEPIECE_INCLUDE sentencepiece_processor.h REQUIRED)
find_library(HONE_SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
add_library(hone_sentencepiece INTERFACE)
target_include_directories(hone_sentencepiece SYSTEM INTERFACE ${HONE_SENTENCEPIECE_INCLUDE})
target_link_libraries(hone_sentencepiece INTERFACE ${HONE_SENTENCEPIECE_LIBRARY})

include(${CMAKE_CURRENT_LIST_DIR}/torch.cmake)

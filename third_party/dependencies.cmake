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
find_package(CURL 7.87 REQUIRED)
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)
if(HONE_PARQUET)
  include(${CMAKE_CURRENT_LIST_DIR}/parquet.cmake)
endif()
if(HONE_TESTS)
  find_package(GTest REQUIRED)
  find_package(OpenSSL REQUIRED COMPONENTS SSL)
endif()

find_path(HONE_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
add_library(hone_random123 INTERFACE)
target_include_directories(hone_random123 SYSTEM INTERFACE ${HONE_RANDOM123_INCLUDE})

find_path(HONE_SENTENCEPIECE_INCLUDE sentencepiece_processor.h REQUIRED)
find_library(HONE_SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
add_library(hone_sentencepiece INTERFACE)
target_include_directories(hone_sentencepiece SYSTEM INTERFACE ${HONE_SENTENCEPIECE_INCLUDE})
target_link_libraries(hone_sentencepiece INTERFACE ${HONE_SENTENCEPIECE_LIBRARY})

find_path(HONE_RE2_INCLUDE re2/re2.h REQUIRED)
find_library(HONE_RE2_LIBRARY re2 REQUIRED)
add_library(hone_re2 INTERFACE)
target_include_directories(hone_re2 SYSTEM INTERFACE ${HONE_RE2_INCLUDE})
target_link_libraries(hone_re2 INTERFACE ${HONE_RE2_LIBRARY})

find_path(HONE_PCRE2_INCLUDE pcre2.h REQUIRED)
find_library(HONE_PCRE2_LIBRARY pcre2-8 REQUIRED)
add_library(hone_pcre2 INTERFACE)
target_include_directories(hone_pcre2 SYSTEM INTERFACE ${HONE_PCRE2_INCLUDE})
target_link_libraries(hone_pcre2 INTERFACE ${HONE_PCRE2_LIBRARY})

find_path(HONE_UTF8PROC_INCLUDE utf8proc.h REQUIRED)
find_library(HONE_UTF8PROC_LIBRARY utf8proc REQUIRED)
add_library(hone_utf8proc INTERFACE)
target_include_directories(hone_utf8proc SYSTEM INTERFACE ${HONE_UTF8PROC_INCLUDE})
target_link_libraries(hone_utf8proc INTERFACE ${HONE_UTF8PROC_LIBRARY})

# Big numbers: GMP and its C++ face.
find_path(HONE_GMP_INCLUDE gmpxx.h REQUIRED)
find_library(HONE_GMPXX_LIBRARY gmpxx REQUIRED)
find_library(HONE_GMP_LIBRARY gmp REQUIRED)
add_library(hone_gmp INTERFACE)
target_include_directories(hone_gmp SYSTEM INTERFACE ${HONE_GMP_INCLUDE})
target_link_libraries(hone_gmp INTERFACE ${HONE_GMPXX_LIBRARY} ${HONE_GMP_LIBRARY})

# Arb's interval arithmetic (libflint-arb here; a part of FLINT since FLINT 3) on FLINT.
find_path(HONE_ARB_INCLUDE acb.h PATH_SUFFIXES flint REQUIRED)
find_library(HONE_ARB_LIBRARY NAMES flint-arb arb flint REQUIRED)
find_library(HONE_FLINT_LIBRARY flint REQUIRED)
add_library(hone_arb INTERFACE)
target_include_directories(hone_arb SYSTEM INTERFACE ${HONE_ARB_INCLUDE})
target_link_libraries(hone_arb INTERFACE ${HONE_ARB_LIBRARY} ${HONE_FLINT_LIBRARY} hone_gmp)

# Headers only: LibTorch has Gloo's code inside and brings c10d's headers, which include Gloo's.
find_path(HONE_GLOO_INCLUDE gloo/context.h REQUIRED)
add_library(hone_gloo INTERFACE)
target_include_directories(hone_gloo SYSTEM INTERFACE ${HONE_GLOO_INCLUDE})

# The static library: the program that needs it runs where no shared one may be.
find_path(HONE_SECCOMP_INCLUDE seccomp.h REQUIRED)
find_library(HONE_SECCOMP_LIBRARY libseccomp.a REQUIRED)
add_library(hone_seccomp INTERFACE)
target_include_directories(hone_seccomp SYSTEM INTERFACE ${HONE_SECCOMP_INCLUDE})
target_link_libraries(hone_seccomp INTERFACE ${HONE_SECCOMP_LIBRARY})

include(${CMAKE_CURRENT_LIST_DIR}/torch.cmake)

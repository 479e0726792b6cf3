# hone_torch: the only target that knows LibTorch. Set HONE_LIBTORCH to a folder with lib/, include/ and share/ (a LibTorch
# archive, or the torch folder of a Python installation); scripts/build sets it to the copy that it downloaded.
set(HONE_LIBTORCH "" CACHE PATH "LibTorch folder")
if(HONE_LIBTORCH)
  list(PREPEND CMAKE_PREFIX_PATH ${HONE_LIBTORCH})
endif()
find_package(Torch REQUIRED)
if(Torch_VERSION VERSION_LESS 2.6)
  message(FATAL_ERROR "LibTorch ${Torch_VERSION} at ${TORCH_INSTALL_PREFIX} is too old: hone needs 2.6 or later")
endif()

add_library(hone_torch INTERFACE)
target_include_directories(hone_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(hone_torch INTERFACE ${TORCH_LIBRARIES})
# The wheel brings the OpenMP runtime (libgomp.so.1) that LibTorch uses. Our objects name the same file, so the loader maps one
# runtime with one thread pool.
target_compile_options(hone_torch INTERFACE ${OpenMP_CXX_FLAGS})
find_library(HONE_OPENMP_RUNTIME NAMES gomp libgomp.so.1 PATHS ${TORCH_INSTALL_PREFIX}/lib NO_DEFAULT_PATH)
if(HONE_OPENMP_RUNTIME)
  target_link_libraries(hone_torch INTERFACE ${HONE_OPENMP_RUNTIME})
else()
  target_link_libraries(hone_torch INTERFACE OpenMP::OpenMP_CXX)
endif()

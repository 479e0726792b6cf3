# hone_module(NAME DEPS module... LIBS target... SOURCES file...)
# One module: static library hone_NAME from src/NAME, public headers in include/hone/NAME. DEPS are the module's only edges;
# scripts/check_layout holds the same table and checks the includes against it.
add_library(hone_flags INTERFACE)
target_compile_options(hone_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
target_compile_definitions(hone_flags INTERFACE SPDLOG_FMT_EXTERNAL)
if(HONE_SANITIZE)
  target_compile_options(hone_flags INTERFACE -fsanitize=${HONE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(hone_flags INTERFACE -fsanitize=${HONE_SANITIZE})
endif()

function(hone_module NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;PRIVATE_LIBS;SOURCES" ${ARGN})
  add_library(hone_${NAME} STATIC ${ARG_SOURCES})
  target_include_directories(hone_${NAME} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPS PREPEND hone_)
  target_link_libraries(hone_${NAME} PUBLIC ${ARG_DEPS} ${ARG_LIBS} PRIVATE hone_flags ${ARG_PRIVATE_LIBS})
endfunction()

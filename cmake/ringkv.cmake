# SPDX-License-Identifier: MIT
# Packages, compiler options, and the rooms with their walls.
include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(tsl-hopscotch-map REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZF REQUIRED IMPORTED_TARGET liblzf)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)

if(RINGKV_SANITIZE)
  set(RINGKV_JEMALLOC OFF)
  add_compile_options(-fsanitize=${RINGKV_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RINGKV_SANITIZE})
  add_compile_options(-UNDEBUG)  # with the checks of hot paths
  if(RINGKV_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio's fences, which ThreadSanitizer does not know
  endif()
else()
  set(RINGKV_JEMALLOC ON)
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
endif()

add_compile_options(-Wall -Wextra -Wconversion -Wshadow)
if(RINGKV_WERROR)
  add_compile_options(-Werror)
endif()
if(RINGKV_TUNE)
  add_compile_options(-march=native)
endif()

# Link time optimisation in the build that people run: the way of a request crosses several files.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RINGKV_SANITIZE)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# A room is a library that sees its own headers and those of the rooms it depends on, and no others: an include across
# a wall does not compile. VIEW: the folder, if it isn't called like the room.
function(house_room name)
  cmake_parse_arguments(ROOM "" "VIEW" "SOURCES;HEADERS;DEPENDS" ${ARGN})
  if(NOT ROOM_VIEW)
    set(ROOM_VIEW ${name})
  endif()
  set(view ${CMAKE_BINARY_DIR}/include/${ROOM_VIEW})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ROOM_VIEW} ${view}/${ROOM_VIEW} SYMBOLIC)
  add_library(${name} STATIC ${ROOM_SOURCES} ${ROOM_HEADERS})
  target_include_directories(${name} PUBLIC ${view})
  target_link_libraries(${name} PUBLIC ${ROOM_DEPENDS})
  if(name STREQUAL "storage")
    target_link_libraries(${name} PUBLIC tsl::hopscotch_map tl::expected)
  endif()
endfunction()

# SPDX-License-Identifier: MIT
# The programs that people run are protected as Debian's redis-server is; compat/hardening.py looks at them. Stack
# frames with a buffer are guarded. Guarding all whose locals have an address (-strong) costs 3 % more instructions a
# request, in functions without any array.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR RINGKV_SANITIZE)
  return()
endif()
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_options(-fstack-protector --param=ssp-buffer-size=4 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

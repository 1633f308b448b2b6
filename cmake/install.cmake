# SPDX-License-Identifier: MIT
# What `cmake --install` puts where, and the Debian package (`cpack` in the build directory).
include(GNUInstallDirs)

install(TARGETS ringkv-server ringkv-check ringkv-cluster)
install(FILES docs/man/ringkv-server.1 docs/man/ringkv-check.1 docs/man/ringkv-cluster.1
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES deploy/completion/ringkv.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME ringkv-server)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md"
        PATTERN decisions EXCLUDE PATTERN formats EXCLUDE PATTERN man EXCLUDE PATTERN plots EXCLUDE)
# The configuration lies in /etc if this goes into /usr, as in a package; else beside the programs. The unit says where.
install(CODE "
  set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
  set(etc \"\${prefix}/etc\")
  if(prefix STREQUAL \"/usr\")
    set(etc /etc)
  endif()
  # It may name users: the unit makes it readable for the server. Passwords have a file that only root reads.
  file(INSTALL \"${CMAKE_SOURCE_DIR}/deploy/ringkv.conf\" DESTINATION \"\${etc}/ringkv\"
       PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
  file(INSTALL \"${CMAKE_SOURCE_DIR}/deploy/secrets.conf\" DESTINATION \"\${etc}/ringkv\"
       PERMISSIONS OWNER_READ OWNER_WRITE)
  file(READ \"${CMAKE_SOURCE_DIR}/deploy/systemd/ringkv.service\" unit)
  string(REPLACE \"/usr/bin/\" \"\${prefix}/bin/\" unit \"\${unit}\")
  string(REPLACE \"/etc/ringkv\" \"\${etc}/ringkv\" unit \"\${unit}\")
  file(WRITE \"${CMAKE_BINARY_DIR}/ringkv.service\" \"\${unit}\")
  file(INSTALL \"${CMAKE_BINARY_DIR}/ringkv.service\" DESTINATION \"\${prefix}/lib/systemd/system\")
")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME ringkv)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The RingKV authors <ringkv@example.org>")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "key-value server that speaks the Redis protocol
 Redis' clients and tools work with it unchanged. It keeps a log and compressed snapshots without a fork,
 searches keys by prefix and suffix, and clusters with slots on a ring.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles)
include(CPack)

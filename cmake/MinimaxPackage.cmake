# SPDX-License-Identifier: Apache-2.0
# A Debian package of the program with a service of systemd: `cpack` in the build folder. The
# library and its headers are not in it.

# Of the package only: `cmake --install` puts nothing outside of its prefix.
install(FILES packaging/serve.env DESTINATION /etc/minimax COMPONENT service EXCLUDE_FROM_ALL)
install(FILES packaging/minimax.service DESTINATION /lib/systemd/system COMPONENT service
        EXCLUDE_FROM_ALL)
install(FILES packaging/minimax.sysusers DESTINATION /usr/lib/sysusers.d RENAME minimax.conf
        COMPONENT service EXCLUDE_FROM_ALL)
install(FILES packaging/copyright DESTINATION /usr/share/doc/minimax-cpp COMPONENT service
        EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME minimax-cpp)
set(CPACK_PACKAGE_CONTACT "minimax.cpp developers <developers@minimax.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION "Runs, serves, quantizes and judges models of the MiniMax-01 family,
with the demonstration model and a service that answers requests over HTTP.")
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)  # files of the service have places of their own
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program service)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME ${CPACK_PACKAGE_NAME})
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(file postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/${file})
endforeach()
include(CPack)

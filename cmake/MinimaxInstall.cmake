# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts in place: the program, the public headers, the libraries with a CMake
# package (find_package(minimax)), and the demonstration model where the program finds it.

# minimax::minimax: everything that include/minimax/ declares. The HTTP server is a part of the
# program only, so that users of the library need not have what it is built on.
add_library(minimax_api INTERFACE)
add_library(minimax::minimax ALIAS minimax_api)
set_target_properties(minimax_api PROPERTIES EXPORT_NAME minimax)
set(installed_targets minimax_api)

get_property(libraries GLOBAL PROPERTY MINIMAX_LIBRARIES)
foreach(library IN LISTS libraries)
  get_target_property(folder ${library} SOURCE_DIR)
  cmake_path(IS_PREFIX PROJECT_SOURCE_DIR ${folder} NORMALIZE below)
  cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/src)
  if(below AND NOT folder MATCHES "^(\\.\\.|server$)")
    target_link_libraries(minimax_api INTERFACE ${library})
    list(APPEND installed_targets ${library})
  endif()
endforeach()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/minimax)
install(TARGETS ${installed_targets} EXPORT minimax-targets)
install(EXPORT minimax-targets NAMESPACE minimax:: DESTINATION ${package_folder})
install(DIRECTORY include/minimax DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/tiny-minimax DESTINATION ${CMAKE_INSTALL_DATADIR}/minimax/models
        COMPONENT program)
if(TARGET minimax)
  install(TARGETS minimax COMPONENT program)
  install(FILES packaging/minimax.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
endif()

include(CMakePackageConfigHelpers)
configure_package_config_file(
  cmake/minimax-config.cmake.in ${PROJECT_BINARY_DIR}/minimax-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/minimax-config-version.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/minimax-config.cmake ${PROJECT_BINARY_DIR}/minimax-config-version.cmake
        cmake/FindPCRE2.cmake cmake/Findutf8proc.cmake cmake/Findxxhash.cmake
  DESTINATION ${package_folder})

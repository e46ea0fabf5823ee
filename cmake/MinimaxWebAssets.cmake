# SPDX-License-Identifier: Apache-2.0
# Makes the files of web/ part of the program. Included, it defines minimax_web_assets; run as a
# script, it writes the source file: cmake -DFOLDER=web -DNAMES="a.js b.css" -DOUTPUT=x.cc -P this.

# minimax_web_assets(VARIABLE FOLDER names...): the path of a source file that defines web_assets().
function(minimax_web_assets variable folder)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/web_assets.cc)
  list(TRANSFORM ARGN PREPEND ${folder}/ OUTPUT_VARIABLE files)
  string(REPLACE ";" " " names "${ARGN}")
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DNAMES=${names} -DOUTPUT=${output}
            -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    DEPENDS ${files} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    VERBATIM)
  set(${variable} ${output} PARENT_SCOPE)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

set(type.html "text/html; charset=utf-8")
set(type.css "text/css; charset=utf-8")
set(type.js "text/javascript; charset=utf-8")
set(type.svg "image/svg+xml")
string(REPLACE " " ";" names "${NAMES}")
set(entries "")
foreach(name ${names})
  file(READ ${FOLDER}/${name} content)
  file(SHA256 ${FOLDER}/${name} digest)
  string(SUBSTRING ${digest} 0 16 tag)
  get_filename_component(extension ${name} LAST_EXT)
  # Compilers need not take longer literals.
  string(LENGTH "${content}" bytes)
  if(bytes GREATER 65000 OR content MATCHES "[)]web\"")
    message(FATAL_ERROR "${FOLDER}/${name}: expected at most 65000 bytes without )web\", found ${bytes}")
  endif()
  string(APPEND entries
         "    {\"${name}\", \"${type${extension}}\", \"\\\"${tag}\\\"\", R\"web(${content})web\"},\n")
endforeach()
file(WRITE ${OUTPUT}
     "// Written by the build out of the files in web/.\n"
     "#include \"server/web_assets.h\"\n\n"
     "namespace minimax::server {\n\n"
     "std::span<const WebAsset> web_assets() {\n"
     "  static constexpr WebAsset kAssets[] = {\n${entries}  };\n"
     "  return kAssets;\n}\n\n}  // namespace minimax::server\n")

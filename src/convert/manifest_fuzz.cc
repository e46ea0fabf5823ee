// SPDX-License-Identifier: Apache-2.0
// Any bytes as a manifest: refused with an Error, or a manifest whose names stay in its folder and
// that reads back as it is written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "convert/manifest.h"
#include "minimax/error.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_name(const std::string& name) {
  require(!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos);
}

void check(const minimax::convert::Manifest& manifest) {
  for (const minimax::convert::ManifestFile& file : manifest.files) {
    check_name(file.name);
    require(file.bytes >= 0 && file.checked_bytes >= 0);
  }
  for (const minimax::convert::ManifestTensor& tensor : manifest.tensors) {
    check_name(tensor.file);
    require(tensor.bytes >= 0 && tensor.shape.elements() >= 0);
  }
  const std::string text = minimax::convert::write_manifest(manifest);
  require(minimax::convert::write_manifest(minimax::convert::parse_manifest(text, "copy")) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check(minimax::convert::parse_manifest({reinterpret_cast<const char*>(data), size}, "fuzz"));
  } catch (const minimax::Error& error) {
    require(error.what()[0] != '\0');
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Any bytes as model.safetensors.index.json: refused with an Error, or every shard is a relative
// path without "..".
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "io/safetensors_index.h"
#include "minimax/error.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_result(const minimax::io::SafetensorsIndex& index) {
  for (const std::string& shard : index.shards) {
    const std::filesystem::path path(shard);
    require(path.is_relative() && !path.empty());
    for (const std::filesystem::path& part : path) {
      require(part != "..");
    }
  }
  for (std::size_t i = 0; i < index.items.size(); ++i) {
    const std::int32_t shard = index.items[i].shard;
    require(shard >= 0 && shard < std::ssize(index.shards));
    require(i == 0 || index.items[i - 1].tensor < index.items[i].tensor);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  try {
    check_result(minimax::io::parse_safetensors_index(text, "fuzz"));
  } catch (const minimax::Error& error) {
    require(error.what()[0] != '\0');
  }
  return 0;
}

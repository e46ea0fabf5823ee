// SPDX-License-Identifier: Apache-2.0
// Any bytes as a GGUF file: refused with an Error, or every tensor lies inside the file, has the
// size that its shape says, and overlaps no other.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "io/gguf.h"
#include "minimax/error.h"
#include "quant/format.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

std::int64_t bytes_of(const minimax::io::TensorEntry& tensor) {
  if (!tensor.format) {
    return tensor.shape.elements() * minimax::tensor::dtype_bytes(tensor.dtype);
  }
  const minimax::quant::FormatInfo& format = minimax::quant::info(*tensor.format);
  require(tensor.shape[-1] % format.block_elements == 0);
  return tensor.shape.elements() / format.block_elements * format.block_bytes;
}

void check_tensors(const minimax::io::Checkpoint& checkpoint) {
  std::vector<const minimax::io::TensorEntry*> by_offset;
  for (const minimax::io::TensorEntry& tensor : checkpoint.tensors) {
    const std::int64_t file_bytes = checkpoint.file_of(tensor).bytes;
    require(tensor.offset >= 24 && tensor.offset <= file_bytes && tensor.offset % 8 == 0);
    require(tensor.bytes > 0 && tensor.bytes <= file_bytes - tensor.offset);
    require(tensor.bytes == bytes_of(tensor));
    require(by_offset.empty() || by_offset.back()->name < tensor.name);
    require(checkpoint.find(tensor.name) == &tensor);
    by_offset.push_back(&tensor);
  }
  std::ranges::sort(by_offset, {}, [](const auto* tensor) { return tensor->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    require(by_offset[i - 1]->offset + by_offset[i - 1]->bytes <= by_offset[i]->offset);
  }
}

void ask_for_every_kind(const minimax::io::GgufMetadata& metadata) {
  for (const auto& [key, value] : metadata.values()) {
    require(metadata.find(key) == &value && !minimax::io::gguf_type_name(value).empty());
    try {
      static_cast<void>(metadata.integer(key));
    } catch (const minimax::Error&) {
    }
    try {
      static_cast<void>(metadata.integers(key));
    } catch (const minimax::Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const minimax::io::GgufModel model =
        minimax::io::parse_gguf({reinterpret_cast<const char*>(data), size}, "fuzz");
    check_tensors(model.checkpoint);
    ask_for_every_kind(model.metadata);
  } catch (const minimax::Error& error) {
    require(error.what()[0] != '\0');
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: refused with an Error, or every tensor lies inside the file
// and has the size that its shape says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "io/safetensors.h"
#include "minimax/error.h"
#include "quant/format.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

std::int64_t expected_bytes(const minimax::io::TensorEntry& tensor) {
  const std::int64_t elements = tensor.shape.elements();
  if (!tensor.format) {
    return elements * minimax::tensor::dtype_bytes(tensor.dtype);
  }
  const minimax::quant::FormatInfo& format = minimax::quant::info(*tensor.format);
  require(elements % format.block_elements == 0);
  return elements / format.block_elements * format.block_bytes;
}

void check_all_inside(const minimax::io::Checkpoint& checkpoint) {
  const minimax::io::TensorEntry* previous = nullptr;
  for (const minimax::io::TensorEntry& tensor : checkpoint.tensors) {
    const std::int64_t file_bytes = checkpoint.file_of(tensor).bytes;
    require(tensor.offset >= 8 && tensor.offset <= file_bytes);
    require(tensor.bytes >= 0 && tensor.bytes <= file_bytes - tensor.offset);
    require(tensor.bytes == expected_bytes(tensor));
    require(previous == nullptr || previous->name < tensor.name);
    require(checkpoint.find(tensor.name) == &tensor);
    previous = &tensor;
  }
}

void try_file(std::string_view file) {
  try {
    check_all_inside(minimax::io::parse_safetensors(file, "fuzz"));
  } catch (const minimax::Error& error) {
    require(error.what()[0] != '\0');
  }
}

// The bytes as the header alone, in a file that is right otherwise: random bytes rarely get past
// the length in front.
void try_header(std::string_view header, std::size_t data_bytes) {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8) {
    file += static_cast<char>((header.size() >> shift) & 0xff);
  }
  file += header;
  file.append(data_bytes, '\0');
  try_file(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try_file(input);
  if (!input.empty()) {
    try_header(input.substr(1), static_cast<unsigned char>(input[0]));
  }
  return 0;
}

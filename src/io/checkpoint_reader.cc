// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint_reader.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"
#include "io/joined_tensor.h"

namespace minimax::io {

CheckpointReader::CheckpointReader(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {
  files_.reserve(checkpoint.files.size());
  for (const CheckpointFile& file : checkpoint.files) {
    const InputFile& opened = files_.emplace_back(file.path);
    base::check(opened.bytes() == file.bytes, ErrorCode::kIo, [&] {
      return fmt::format(
          "{}: expected {} bytes as when it was checked, found {}; something is "
          "writing to this file",
          base::printable(file.path.string()), file.bytes, opened.bytes());
    });
  }
}

void CheckpointReader::read(const TensorEntry& entry, std::int64_t begin,
                            std::span<std::byte> out) const {
  const auto wanted = static_cast<std::int64_t>(out.size());
  base::check(begin >= 0 && begin <= entry.bytes && wanted <= entry.bytes - begin,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("{}: expected a range inside its {} bytes, found {} bytes at {}",
                                   base::printable(entry.name), entry.bytes, wanted, begin);
              });
  if (entry.joined < 0) {
    return read_bytes(entry, begin, out);
  }
  read_joined(checkpoint_.joined.at(static_cast<std::size_t>(entry.joined)), entry, begin, out,
              [this](const TensorEntry& part, std::int64_t at, std::span<std::byte> bytes) {
                read_bytes(part, at, bytes);
              });
}

void CheckpointReader::read_bytes(const TensorEntry& entry, std::int64_t begin,
                                  std::span<std::byte> out) const {
  files_.at(static_cast<std::size_t>(entry.file)).read(entry.offset + begin, out);
}

void CheckpointReader::read(const TensorEntry& entry, std::span<std::byte> out) const {
  base::check(static_cast<std::int64_t>(out.size()) == entry.bytes, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format("{}: expected memory for {} bytes, found {}",
                                   base::printable(entry.name), entry.bytes, out.size());
              });
  read(entry, 0, out);
}

void CheckpointReader::prefetch(const TensorEntry& entry, std::int64_t begin,
                                std::int64_t bytes) const noexcept {
  if (entry.joined < 0) {
    return files_[static_cast<std::size_t>(entry.file)].prefetch(entry.offset + begin, bytes);
  }
  // Blocks of the same size each: the codes lie in the same order.
  const TensorEntry& codes = checkpoint_.joined[static_cast<std::size_t>(entry.joined)].codes;
  const double share = static_cast<double>(codes.bytes) / static_cast<double>(entry.bytes);
  files_[static_cast<std::size_t>(codes.file)].prefetch(
      codes.offset + static_cast<std::int64_t>(share * static_cast<double>(begin)),
      static_cast<std::int64_t>(share * static_cast<double>(bytes)));
}

}  // namespace minimax::io

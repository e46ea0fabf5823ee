// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint_reader.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"

namespace minimax::io {

CheckpointReader::CheckpointReader(const Checkpoint& checkpoint) {
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
  files_[static_cast<std::size_t>(entry.file)].prefetch(entry.offset + begin, bytes);
}

}  // namespace minimax::io

// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "io/gguf_header.h"
#include "io/input_file.h"
#include "io/shard_path.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

constexpr std::int64_t kMaxParts = 16'384;

// Which part of a split model a file says it is.
struct Split {
  std::int64_t number = 0;  // from 0
  std::int64_t count = 1;
  std::optional<std::int64_t> tensors;  // of all parts
};

Split split_of(const GgufMetadata& metadata) {
  Split split;
  split.count = metadata.integer("split.count").value_or(1);
  split.number = metadata.integer("split.no").value_or(0);
  split.tensors = metadata.integer("split.tensors.count");
  const auto refuse = [&](const char* key, std::int64_t most, std::int64_t found) {
    throw Error(ErrorCode::kCorruptFile,
                fmt::format("{}: key \"{}\": expected at most {}, found {}", metadata.source(), key,
                            most, found));
  };
  // Zero and one both stand for a model in one file.
  split.count = std::max<std::int64_t>(split.count, 1);
  if (split.count > kMaxParts) {
    refuse("split.count", kMaxParts, split.count);
  }
  if (split.number < 0 || split.number >= split.count) {
    refuse("split.no", split.count - 1, split.number);
  }
  return split;
}

std::string part_name(std::string_view prefix, std::int64_t number, std::int64_t count) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number + 1, count);
}

// NAME of a file NAME-00002-of-00003.gguf.
std::string prefix_of(const fs::path& path, const Split& split) {
  const std::string name = path.filename().string();
  const std::string ending = part_name("", split.number, split.count);
  check(name.size() > ending.size() && name.ends_with(ending), ErrorCode::kCorruptFile, [&] {
    return fmt::format(
        "{}: expected a name that ends in \"{}\", as its keys split.no and split.count say",
        printable(path.string()), ending);
  });
  return name.substr(0, name.size() - ending.size());
}

GgufHeader read_header(const fs::path& path, std::int64_t& file_bytes) {
  const InputFile file(path);
  file_bytes = file.bytes();
  ByteCursor cursor([&](std::int64_t offset, std::span<std::byte> out) { file.read(offset, out); },
                    file.bytes(), kMaxGgufHeaderBytes, printable(path.string()));
  return parse_gguf_header(cursor);
}

void append_part(const fs::path& path, GgufHeader header, std::int64_t bytes,
                 Checkpoint& checkpoint) {
  check(std::ssize(checkpoint.tensors) + std::ssize(header.tensors) <= kMaxGgufTensors,
        ErrorCode::kCorruptFile, [&] {
          return fmt::format("{}: expected at most {} tensors in all files, found more",
                             printable(path.string()), kMaxGgufTensors);
        });
  for (TensorEntry& entry : header.tensors) {
    entry.file = static_cast<std::int32_t>(checkpoint.files.size());
  }
  if (checkpoint.tensors.empty()) {
    checkpoint.tensors = std::move(header.tensors);
  } else {
    std::ranges::move(header.tensors, std::back_inserter(checkpoint.tensors));
  }
  checkpoint.files.push_back({path, bytes});
}

void check_part(const GgufMetadata& metadata, std::int64_t number, std::int64_t count) {
  const Split split = split_of(metadata);
  check(split.number == number && split.count == count, ErrorCode::kCorruptFile, [&] {
    return fmt::format(
        "{}: keys split.no and split.count: expected part {} of {} as its name says, found part {} "
        "of {}",
        metadata.source(), number + 1, count, split.number + 1, split.count);
  });
}

void check_tensor_count(const GgufModel& model) {
  const std::optional<std::int64_t> expected = split_of(model.metadata).tensors;
  check(!expected || *expected == std::ssize(model.checkpoint.tensors), ErrorCode::kCorruptFile,
        [&] {
          return fmt::format(
              "{}: key \"split.tensors.count\": expected {} tensors in all parts, found {}",
              model.metadata.source(), *expected, model.checkpoint.tensors.size());
        });
}

GgufModel read_parts(const fs::path& path, const Split& split) {
  const std::string prefix = prefix_of(path, split);
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < split.count; ++i) {
    names.push_back(part_name(prefix, i, split.count));
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  GgufModel model;
  for (const fs::path& part : resolve_shards(folder, names)) {
    const std::int64_t number = std::ssize(model.checkpoint.files);
    std::int64_t bytes = 0;
    GgufHeader header = read_header(part, bytes);
    check_part(header.metadata, number, split.count);
    if (number == 0) {
      model.metadata = std::move(header.metadata);
    }
    append_part(part, std::move(header), bytes, model.checkpoint);
  }
  merge_files(model.checkpoint);
  check_tensor_count(model);
  return model;
}

}  // namespace

GgufModel read_gguf(const fs::path& path) {
  try {
    std::int64_t bytes = 0;
    GgufHeader header = read_header(path, bytes);
    const Split split = split_of(header.metadata);
    if (split.count > 1) {
      return read_parts(path, split);
    }
    GgufModel model;
    model.metadata = std::move(header.metadata);
    append_part(path, std::move(header), bytes, model.checkpoint);
    check_tensor_count(model);
    return model;
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot read: {}", printable(path.string()),
                                            error.code().message()));
  }
}

GgufModel parse_gguf(std::string_view file, const std::string& source) {
  ByteCursor cursor(
      [&](std::int64_t offset, std::span<std::byte> out) {
        std::memcpy(out.data(), file.data() + offset, out.size());
      },
      std::ssize(file), kMaxGgufHeaderBytes, source);
  GgufHeader header = parse_gguf_header(cursor);
  GgufModel model;
  static_cast<void>(split_of(header.metadata));
  model.metadata = std::move(header.metadata);
  append_part(source, std::move(header), std::ssize(file), model.checkpoint);
  return model;
}

}  // namespace minimax::io

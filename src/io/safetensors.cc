// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "io/block_metadata.h"
#include "io/input_file.h"
#include "io/joined_tensor.h"
#include "io/safetensors_header.h"
#include "io/safetensors_index.h"
#include "io/shard_path.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using base::check;
using base::printable;

std::string read_text(const InputFile& file, std::int64_t offset, std::int64_t bytes) {
  std::string text(static_cast<std::size_t>(bytes), '\0');
  file.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

InputFile open_shard(const fs::path& path) {
  try {
    return InputFile(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptFile) {
      throw;
    }
    throw Error(ErrorCode::kCorruptFile, fmt::format("{} (not a safetensors file)", error.what()));
  }
}

void append_file(const fs::path& path, Checkpoint& checkpoint) {
  const std::string source = printable(path.string());
  const InputFile file = open_shard(path);
  const std::string start = read_text(file, 0, std::min(file.bytes(), kFileStartBytes));
  const std::int64_t length = check_header_length(start, file.bytes(), source);
  std::string json = read_text(file, kHeaderLengthBytes, length);
  SafetensorsHeader header = parse_safetensors_header(json, file.bytes(), source);
  apply_block_formats(header, source);
  check(std::ssize(checkpoint.tensors) + std::ssize(header.tensors) <= kMaxTensors,
        ErrorCode::kCorruptFile, [&] {
          return fmt::format("{}: expected at most {} tensors in all files, found more", source,
                             kMaxTensors);
        });
  for (TensorEntry& entry : header.tensors) {
    entry.file = static_cast<std::int32_t>(checkpoint.files.size());
  }
  if (checkpoint.tensors.empty()) {
    checkpoint.tensors = std::move(header.tensors);
  } else {
    std::ranges::move(header.tensors, std::back_inserter(checkpoint.tensors));
  }
  checkpoint.metadata.merge(header.metadata);
  checkpoint.files.push_back({path, file.bytes()});
}

void check_listed_tensors(const SafetensorsIndex& index, const std::string& source,
                          const Checkpoint& checkpoint) {
  for (const SafetensorsIndex::Item& item : index.items) {
    const TensorEntry* entry = checkpoint.find(item.tensor);
    check(entry != nullptr && entry->file == item.shard, ErrorCode::kCorruptFile, [&] {
      return fmt::format("{}: \"{}\": expected in {}, {}", source, printable(item.tensor, 100),
                         index.shards[static_cast<std::size_t>(item.shard)],
                         entry == nullptr
                             ? "which does not hold it"
                             : "found in " + checkpoint.file_of(*entry).path.filename().string());
    });
  }
}

void warn_of_unlisted_tensors(const SafetensorsIndex& index, const std::string& source,
                              Checkpoint& checkpoint) {
  const std::size_t unlisted = checkpoint.tensors.size() - index.items.size();
  if (unlisted == 0) {
    return;
  }
  const auto listed = [&](const TensorEntry& entry) {
    const auto it = std::ranges::lower_bound(index.items, std::string_view(entry.name), {},
                                             &SafetensorsIndex::Item::tensor);
    return it != index.items.end() && it->tensor == entry.name;
  };
  const auto first = std::ranges::find_if_not(checkpoint.tensors, listed);
  checkpoint.warnings.push_back(
      fmt::format("{}: the files hold {} tensors that it does not list, the first is \"{}\" in {}",
                  source, unlisted, printable(first->name, 100),
                  printable(checkpoint.file_of(*first).path.filename().string())));
}

Checkpoint read_sharded(const fs::path& folder) {
  const fs::path index_path = folder / kSafetensorsIndexFile;
  const std::string source = printable(index_path.string());
  const InputFile file(index_path);
  check(file.bytes() <= kMaxIndexBytes, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected at most {} bytes, found {}", source, kMaxIndexBytes,
                       file.bytes());
  });
  std::string json = read_text(file, 0, file.bytes());
  const SafetensorsIndex index = parse_safetensors_index(json, source);
  const std::vector<fs::path> paths = resolve_shards(folder, index.shards);
  Checkpoint checkpoint;
  checkpoint.tensors.reserve(index.items.size());
  for (const fs::path& path : paths) {
    append_file(path, checkpoint);
  }
  merge_files(checkpoint);
  check_listed_tensors(index, source, checkpoint);
  warn_of_unlisted_tensors(index, source, checkpoint);
  return checkpoint;
}

bool present(const fs::path& path) {
  return fs::symlink_status(path).type() != fs::file_type::not_found;
}

// What to tell about a folder with neither of the two files.
[[noreturn]] void fail_no_checkpoint(const fs::path& folder) {
  std::vector<std::string> others;
  bool has_gguf = false;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    const bool is_weights = extension == ".bin" || extension == ".pt" || extension == ".gguf" ||
                            extension == ".pth" || extension == ".safetensors";
    has_gguf = has_gguf || extension == ".gguf";
    if (is_weights && others.size() < 5) {
      others.push_back(printable(entry.path().filename().string(), 100));
    }
  }
  std::ranges::sort(others);
  throw Error(
      ErrorCode::kCorruptFile,
      fmt::format("{}: expected {} or {}, found {}{}", printable(folder.string()), kSafetensorsFile,
                  kSafetensorsIndexFile,
                  others.empty() ? "neither" : fmt::format("only {}", fmt::join(others, ", ")),
                  has_gguf ? "; a GGUF file is run under its own name" : ""));
}

Checkpoint read_folder(const fs::path& folder) {
  if (present(folder / kSafetensorsFile)) {
    Checkpoint checkpoint;
    append_file(resolve_shards(folder, {kSafetensorsFile}).front(), checkpoint);
    if (present(folder / kSafetensorsIndexFile)) {
      checkpoint.warnings.push_back(fmt::format("{}: holds both {} and {}; the first was read",
                                                printable(folder.string()), kSafetensorsFile,
                                                kSafetensorsIndexFile));
    }
    return checkpoint;
  }
  if (present(folder / kSafetensorsIndexFile)) {
    static_cast<void>(resolve_shards(folder, {kSafetensorsIndexFile}));
    return read_sharded(folder);
  }
  fail_no_checkpoint(folder);
}

}  // namespace

Checkpoint read_safetensors(const fs::path& model, Parts parts) {
  try {
    Checkpoint checkpoint;
    if (fs::is_directory(model)) {
      checkpoint = read_folder(model);
    } else {
      append_file(model, checkpoint);
    }
    if (parts == Parts::kJoined) {
      join_bitsandbytes(checkpoint);
      join_fp8(checkpoint);
    }
    return checkpoint;
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot read: {}", printable(model.string()),
                                            error.code().message()));
  }
}

Checkpoint parse_safetensors(std::string_view file, const std::string& source) {
  const auto bytes = std::ssize(file);
  const std::int64_t length =
      check_header_length(file.substr(0, static_cast<std::size_t>(kFileStartBytes)), bytes, source);
  std::string json(file.substr(kHeaderLengthBytes, static_cast<std::size_t>(length)));
  SafetensorsHeader header = parse_safetensors_header(json, bytes, source);
  apply_block_formats(header, source);
  Checkpoint checkpoint;
  checkpoint.metadata = std::move(header.metadata);
  checkpoint.tensors = std::move(header.tensors);
  checkpoint.files.push_back({source, bytes});
  return checkpoint;
}

}  // namespace minimax::io

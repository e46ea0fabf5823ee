// SPDX-License-Identifier: Apache-2.0
#include "convert/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "convert/hash.h"
#include "convert/model_files.h"
#include "convert/row_encoder.h"
#include "convert/row_reader.h"
#include "io/block_metadata.h"
#include "io/input_file.h"
#include "io/safetensors_writer.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kCopyBytes = std::int64_t{8} << 20;

/// Everything that decides the bytes of the result, as text.
std::string describe(const ModelFiles& model, const std::vector<OutputFile>& files,
                     const std::vector<SourceFile>& sources, const ImportanceMatrix* importance) {
  std::string text = base::write_json(model.config);
  for (const TextFile& file : model.others) {
    text += fmt::format("beside {} {:x}\n", file.name, hash_of(file.text));
  }
  for (const SourceFile& source : sources) {
    text += fmt::format("source {} {} {}\n", source.name, source.bytes, source.modified_ns);
  }
  for (const OutputFile& file : files) {
    text += fmt::format("file {}\n", file.name);
    for (const OutputGroup& group : file.groups) {
      for (const OutputTensor& tensor : group.tensors) {
        text += fmt::format("{} {} {}\n", tensor.plan.name, tensor.format,
                            tensor.plan.shape.to_string());
      }
    }
  }
  if (importance != nullptr) {
    for (const auto& [name, input] : importance->inputs()) {
      const std::span<const float> values(input.mean_squares);
      Hash hash;
      hash.update(std::as_bytes(values));
      text += fmt::format("importance {} {} {:x}\n", name, input.rows, hash.digest());
    }
  }
  return text;
}

/// One shard while it is written.
class ShardWriter {
 public:
  ShardWriter(const fs::path& folder, const OutputFile& file)
      : path_(folder / file.name), tensors_(announce(file)), writer_(path_, plans(), metadata()) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      hashes_.push_back(std::make_unique<Hash>());
    }
  }

  void append(std::size_t index, std::span<const std::byte> bytes) {
    writer_.append(index, bytes);
    hashes_[index]->update(bytes);
  }

  void commit() { writer_.commit(); }

  std::vector<ManifestTensor> tensors() const {
    std::vector<ManifestTensor> entries;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const OutputTensor& tensor = *tensors_[i];
      entries.push_back(
          {.name = tensor.plan.name,
           .file = path_.filename().string(),
           .format = tensor.format,
           .shape = tensor.shape,
           .bytes = tensor.plan.shape.elements() * tensor::dtype_bytes(tensor.plan.dtype),
           .xxh3 = hashes_[i]->digest()});
    }
    return entries;
  }

 private:
  static std::vector<const OutputTensor*> announce(const OutputFile& file) {
    std::vector<const OutputTensor*> tensors;
    for (const OutputGroup& group : file.groups) {
      for (const OutputTensor& tensor : group.tensors) {
        tensors.push_back(&tensor);
      }
    }
    return tensors;
  }

  std::vector<io::TensorPlan> plans() const {
    std::vector<io::TensorPlan> plans;
    for (const OutputTensor* tensor : tensors_) {
      plans.push_back(tensor->plan);
    }
    return plans;
  }

  io::Metadata metadata() const {
    io::Metadata metadata{{"format", "pt"}};
    for (const OutputTensor* tensor : tensors_) {
      if (tensor->has_blocks) {
        metadata.emplace(io::block_format_key(tensor->plan.name), tensor->format);
      }
    }
    return metadata;
  }

  fs::path path_;
  std::vector<const OutputTensor*> tensors_;
  io::SafetensorsWriter writer_;
  std::vector<std::unique_ptr<Hash>> hashes_;
};

class Quantizer {
 public:
  Quantizer(const io::Checkpoint& checkpoint, const QuantizeOptions& options)
      : options_(options),
        reader_(checkpoint),
        pool_(options.threads),
        encoder_(reader_, options.importance, pool_),
        bitsandbytes_(reader_, pool_) {}

  void set_total(std::int64_t elements) { total_ = elements; }

  void skip(const OutputFile& file) {
    for (const OutputGroup& group : file.groups) {
      report(group.rows * columns_of(*group.planned->source));
    }
  }

  std::vector<ManifestTensor> write(const OutputFile& file, const fs::path& folder) {
    ShardWriter writer(folder, file);
    std::size_t index = 0;
    for (const OutputGroup& group : file.groups) {
      write_group(group, index, writer);
      index += group.tensors.size();
    }
    writer.commit();
    return writer.tensors();
  }

 private:
  // Its tensors are those of the writer from `first` on.
  void write_group(const OutputGroup& group, std::size_t first, ShardWriter& writer) {
    if (group.packing != Packing::kRows) {
      bitsandbytes_.write(
          group,
          [&](std::size_t index, std::span<const std::byte> bytes) {
            writer.append(first + index, bytes);
          },
          [&](std::int64_t elements) { report(elements); });
    } else if (group.planned->format) {
      encoder_.encode(*group.planned, [&](std::span<const std::byte> bytes, std::int64_t elements) {
        writer.append(first, bytes);
        report(elements);
      });
    } else {
      copy(*group.planned->source, first, writer);
    }
  }

  void copy(const io::TensorEntry& entry, std::size_t index, ShardWriter& writer) {
    std::vector<std::byte> piece(static_cast<std::size_t>(std::min(entry.bytes, kCopyBytes)));
    for (std::int64_t begin = 0; begin < entry.bytes; begin += kCopyBytes) {
      const auto count = static_cast<std::size_t>(std::min(kCopyBytes, entry.bytes - begin));
      const auto part = std::span(piece).first(count);
      reader_.read(entry, begin, part);
      writer.append(index, part);
    }
    report(entry.shape.elements());
  }

  void report(std::int64_t elements) {
    done_ += elements;
    if (options_.on_progress) {
      options_.on_progress(done_, total_);
    }
  }

  const QuantizeOptions& options_;
  io::CheckpointReader reader_;
  cpu::ThreadPool pool_;
  RowEncoder encoder_;
  BitsandbytesWriter bitsandbytes_;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

std::int64_t header_bytes(const fs::path& path) {
  std::array<std::byte, 8> start{};
  io::InputFile(path).read(0, start);
  std::uint64_t length = 0;
  std::memcpy(&length, start.data(), sizeof(length));
  return static_cast<std::int64_t>(length + sizeof(length));
}

void write_shards(const std::vector<OutputFile>& files, Quantizer& quantizer, OutputFolder& folder,
                  QuantizeResult& result) {
  for (const OutputFile& file : files) {
    if (folder.manifest().has_file(file.name)) {
      quantizer.skip(file);
      ++result.resumed_files;
      continue;
    }
    const std::vector<ManifestTensor> tensors = quantizer.write(file, folder.path());
    const fs::path path = folder.path() / file.name;
    folder.add(describe_file(path, header_bytes(path)), tensors);
  }
}

std::vector<OutputGroup> layout_of(const QuantizePlan& plan, Layout layout,
                                   DoubleQuant double_quant) {
  return layout == Layout::kBitsandbytes ? bitsandbytes_layout(plan, double_quant)
                                         : block_layout(plan);
}

std::int64_t bytes_of(const std::vector<OutputFile>& files) {
  std::int64_t sum = 0;
  for (const OutputFile& file : files) {
    for (const OutputGroup& group : file.groups) {
      sum += group.bytes();
    }
  }
  return sum;
}

// What config.json says of the result.
base::JsonObject config_members(const ModelFiles& model, const QuantizePlan& plan,
                                const QuantizeOptions& options) {
  if (options.layout == Layout::kBlocks) {
    return {{"quantization_config", quantization_config(plan)}};
  }
  base::JsonObject members{
      {"quantization_config", bitsandbytes_config(plan, options.double_quant)}};
  if (model.config.find("dtype") == nullptr && model.config.find("torch_dtype") == nullptr) {
    members.emplace_back("dtype", main_type_name(plan));
  }
  return members;
}

}  // namespace

std::vector<std::int64_t> output_bytes(const QuantizePlan& plan, Layout layout,
                                       DoubleQuant double_quant) {
  std::vector<std::int64_t> bytes(plan.tensors.size(), 0);
  for (const OutputGroup& group : layout_of(plan, layout, double_quant)) {
    bytes[static_cast<std::size_t>(group.planned - plan.tensors.data())] += group.bytes();
  }
  return bytes;
}

QuantizeResult quantize(const QuantizeSource& model, const QuantizePlan& plan, const fs::path& out,
                        const QuantizeOptions& options) {
  const std::vector<OutputFile> files = split_into_files(
      layout_of(plan, options.layout, options.double_quant), options.max_file_bytes);
  const std::vector<SourceFile> sources = source_files(model.checkpoint);
  const std::uint64_t identity = hash_of(describe(model.files, files, sources, options.importance));
  QuantizeResult result{.bytes = bytes_of(files), .files = static_cast<int>(files.size())};
  if (options.unfinished == Unfinished::kResume && OutputFolder::is_finished(out, identity)) {
    result.resumed_files = result.files;
    return result;
  }
  OutputFolder folder(out, identity, options.unfinished);
  Quantizer quantizer(model.checkpoint, options);
  quantizer.set_total(plan.elements());
  write_shards(files, quantizer, folder, result);
  for (const std::string& name : write_model_files(
           model.files, config_members(model.files, plan, options), files, folder.path())) {
    if (!folder.manifest().has_file(name)) {
      folder.add(describe_file(folder.path() / name), {});
    }
  }
  base::check(source_files(model.checkpoint) == sources, ErrorCode::kCorruptFile, [&] {
    return fmt::format(
        "{}: expected a model that does not change, found other files than at the "
        "start",
        base::printable(model.checkpoint.files.front().path.string()));
  });
  folder.commit();
  return result;
}

}  // namespace minimax::convert

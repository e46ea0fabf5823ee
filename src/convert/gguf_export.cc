// SPDX-License-Identifier: Apache-2.0
#include "convert/gguf_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "convert/gguf_keys.h"
#include "convert/row_encoder.h"
#include "convert/row_reader.h"
#include "engine/gguf_tokenizer.h"
#include "io/gguf.h"
#include "io/model_files.h"
#include "minimax/tokenizer.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kCopyBytes = std::int64_t{8} << 20;

// The files of a directory without a name of its own are called after the directory.
std::string model_name(const fs::path& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  const fs::path name =
      fs::is_directory(path) && !absolute.has_filename() ? absolute.parent_path() : absolute;
  return base::printable(fs::is_directory(path) ? name.filename().string() : name.stem().string());
}

// Empty where the model is no GGUF file.
io::GgufMetadata metadata_of(const fs::path& path) {
  const auto gguf = io::find_gguf(path);
  return gguf ? io::read_gguf(*gguf).metadata : io::GgufMetadata();
}

text::TemplateFiles find_templates(const fs::path& path, const Tokenizer& tokenizer) {
  if (const auto gguf = io::find_gguf(path)) {
    return engine::templates_from_gguf(io::read_gguf(*gguf).metadata, tokenizer.impl().tokenizer);
  }
  return text::find_templates(path);
}

void add_tokenizer(const fs::path& path, const MiniMaxConfig& config, io::GgufWriter::Keys& keys,
                   std::vector<std::string>& warnings) {
  const Tokenizer tokenizer = AutoTokenizer::from_pretrained(path);
  text::OwnedGgufVocabulary vocabulary = tokenizer.impl().tokenizer.to_gguf(config.vocab_size);
  std::ranges::move(vocabulary.warnings, std::back_inserter(warnings));
  text::TemplateFiles templates = find_templates(path, tokenizer);
  std::ranges::move(templates.problems, std::back_inserter(warnings));
  if (templates.templates.empty()) {
    warnings.push_back("the model has no chat template, and neither has the file");
  }
  add_tokenizer_keys(std::move(vocabulary), templates, keys);
}

class Exporter {
 public:
  Exporter(const model::ModelSource& model, const GgufPlan& plan, const GgufExportOptions& options)
      : plan_(plan),
        options_(options),
        reader_(model.checkpoint),
        pool_(options.threads),
        encoder_(reader_, options.importance, pool_) {}

  // Ids whose rows of the language head are all zero.
  std::vector<std::int32_t> zero_rows() {
    const auto is_head = [](const GgufTensor& t) { return t.plan.name == "output.weight"; };
    const GgufTensor& head = *std::ranges::find_if(plan_.tensors, is_head);
    const GgufPart& part = head.parts.front();
    const std::int64_t columns = columns_of(*part.source);
    const std::int64_t step = std::max<std::int64_t>(1, kCopyBytes / (columns * 4));
    std::vector<float> values;
    std::vector<std::int32_t> ids;
    for (std::int64_t row = 0; row < part.rows.rows; row += step) {
      const std::int64_t count = std::min(step, part.rows.rows - row);
      values.resize(static_cast<std::size_t>(count * columns));
      read_rows(reader_, *part.source, part.rows.first_row + row, values);
      for (std::int64_t i = 0; i < count; ++i) {
        const auto begin = values.begin() + i * columns;
        if (std::all_of(begin, begin + columns, [](float value) { return value == 0.0F; })) {
          ids.push_back(static_cast<std::int32_t>(row + i));
        }
      }
    }
    return ids;
  }

  void write(io::GgufWriter& writer) {
    for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
      for (const GgufPart& part : plan_.tensors[i].parts) {
        write_part(plan_.tensors[i], part, i, writer);
      }
    }
  }

 private:
  void write_part(const GgufTensor& tensor, const GgufPart& part, std::size_t index,
                  io::GgufWriter& writer) {
    if (stored_format(*part.source) == tensor.plan.format && tensor.factor == 1.0F) {
      return copy(part, index, writer);
    }
    const PlannedTensor planned{.source = part.source,
                                .format = tensor.plan.format,
                                .segments = {part.rows},
                                .factor = tensor.factor};
    encoder_.encode(planned, [&](std::span<const std::byte> bytes, std::int64_t elements) {
      writer.append(index, bytes);
      report(elements);
    });
  }

  void copy(const GgufPart& part, std::size_t index, io::GgufWriter& writer) {
    const std::int64_t row_bytes =
        quant::row_bytes(stored_format(*part.source), columns_of(*part.source));
    const std::int64_t begin = part.rows.first_row * row_bytes;
    const std::int64_t bytes = part.rows.rows * row_bytes;
    std::vector<std::byte> piece(static_cast<std::size_t>(std::min(bytes, kCopyBytes)));
    for (std::int64_t done = 0; done < bytes; done += kCopyBytes) {
      const auto count = static_cast<std::size_t>(std::min(kCopyBytes, bytes - done));
      reader_.read(*part.source, begin + done, std::span(piece).first(count));
      writer.append(index, std::span(piece).first(count));
    }
    report(part.rows.rows * columns_of(*part.source));
  }

  void report(std::int64_t elements) {
    done_ += elements;
    if (options_.on_progress) {
      options_.on_progress(done_, plan_.elements());
    }
  }

  const GgufPlan& plan_;
  const GgufExportOptions& options_;
  io::CheckpointReader reader_;
  cpu::ThreadPool pool_;
  RowEncoder encoder_;
  std::int64_t done_ = 0;
};

void check_target(const fs::path& out, ExistingFile existing) {
  std::error_code ignored;
  base::check(existing == ExistingFile::kReplace || !fs::exists(out, ignored),
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("{}: expected a new file, found one that is there already",
                                   base::printable(out.string()));
              });
}

void check_not_a_source(const fs::path& out, const io::Checkpoint& checkpoint) {
  std::error_code ignored;
  for (const io::CheckpointFile& file : checkpoint.files) {
    base::check(!fs::equivalent(file.path, out, ignored), ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: expected another file than the model's own",
                         base::printable(out.string()));
    });
  }
}

// The format that most weights have.
quant::Format main_format(const GgufPlan& plan) {
  std::vector<std::int64_t> elements(quant::formats().size());
  for (const GgufTensor& tensor : plan.tensors) {
    elements[static_cast<std::size_t>(tensor.plan.format)] += tensor.plan.shape.elements();
  }
  return quant::formats()[static_cast<std::size_t>(std::ranges::max_element(elements) -
                                                   elements.begin())]
      .format;
}

}  // namespace

GgufExportResult export_gguf(const fs::path& path, const fs::path& out,
                             const GgufExportOptions& options) {
  check_target(out, options.existing);
  const model::ModelSource model = model::open_model(path);
  check_not_a_source(out, model.checkpoint);
  const GgufPlan plan = plan_gguf(model, options.plan);
  GgufExportResult result{.tensors = std::ssize(plan.tensors), .warnings = plan.warnings};
  Exporter exporter(model, plan, options);

  const io::GgufMetadata metadata = metadata_of(path);
  const std::string* name = metadata.string("general.name");
  io::GgufWriter::Keys keys;
  add_model_keys(model.config, name == nullptr ? model_name(path) : *name, main_format(plan), keys);
  const GenerationConfig generation = GenerationConfig::from_pretrained(path, model.config);
  add_generation_keys(generation, keys, result.warnings);
  if (options.tokenizer == TokenizerUse::kWrite) {
    add_tokenizer(path, model.config, keys, result.warnings);
  } else {
    add_no_tokenizer(keys);
  }
  std::set<std::int32_t> suppressed(generation.suppress_tokens.begin(),
                                    generation.suppress_tokens.end());
  suppressed.merge([&] {
    const std::vector<std::int32_t> zero = exporter.zero_rows();
    return std::set<std::int32_t>(zero.begin(), zero.end());
  }());
  add_suppressed_tokens(std::vector<std::int32_t>(suppressed.begin(), suppressed.end()), keys);
  add_other_keys(metadata, options.tokenizer == TokenizerUse::kWrite, keys);

  std::vector<io::GgufTensorPlan> tensors;
  for (const GgufTensor& tensor : plan.tensors) {
    tensors.push_back(tensor.plan);
    result.bytes += io::gguf_tensor_bytes(tensor.plan);
  }
  io::GgufWriter writer(out, tensors, keys);
  exporter.write(writer);
  writer.commit();
  return result;
}

}  // namespace minimax::convert

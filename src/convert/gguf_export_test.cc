// SPDX-License-Identifier: Apache-2.0
#include "convert/gguf_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "io/checkpoint_reader.h"
#include "io/gguf.h"
#include "io/gguf_writer.h"
#include "io/safetensors.h"
#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "model/convert.h"
#include "tests/support/difference.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;
using minimax::testing::relative_difference;
using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using quant::Format;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

const fs::path kSource = MINIMAX_SOURCE_DIR;
const fs::path kDemonstration = kSource / "models/tiny-minimax";

fs::path golden(const std::string& name) { return kSource / "tests/golden" / name; }

GgufExportOptions weights_as(std::optional<Format> format) {
  return {.plan = {.format = format}, .tokenizer = TokenizerUse::kLeaveOut};
}

std::vector<float> logits(const fs::path& path) {
  MiniMaxForCausalLM model =
      MiniMaxForCausalLM::from_pretrained(path, {.dtype = ComputeType::kFloat32, .threads = 1});
  return model.forward(std::vector<std::int32_t>{1, 5, 2, 2, 30, 7}).logits.values;
}

// Of goldens in F32, whose weights are copied.
class ExportedGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(ExportedGolden, GivesTheSameLogits) {
  const TemporaryDirectory directory;
  const fs::path out = directory.path() / "m.gguf";
  export_gguf(golden(GetParam()), out, weights_as(Format::kF32));
  EXPECT_LT(relative_difference(logits(out), logits(golden(GetParam()))), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Goldens, ExportedGolden,
                         ::testing::Values("lightning_first", "tied_embeddings", "shards",
                                           "top_3_of_5"),
                         [](const auto& instance) { return std::string(instance.param); });

// The epsilon of the norms behind the folded projections sees other magnitudes: 1e-5 beside squares
// near 1.
TEST(GgufExport, FoldsUnequalResidualFactors) {
  const TemporaryDirectory directory;
  for (const char* name : {"unequal_factors", "m1"}) {
    const fs::path out = directory.path() / name;
    const GgufExportResult result = export_gguf(golden(name), out, weights_as(Format::kF32));
    EXPECT_THAT(result.warnings, Contains(HasSubstr("one residual factor")));
    EXPECT_LT(relative_difference(logits(out), logits(golden(name))), 1e-4);
    EXPECT_EQ(MiniMaxConfig::from_pretrained(out).decay_schedule,
              MiniMaxConfig::from_pretrained(golden(name)).decay_schedule);
  }
}

TEST(GgufExport, KeepsWeightsTokenizerAndTemplate) {
  const TemporaryDirectory directory;
  const fs::path out = directory.path() / "m.gguf";
  const GgufExportResult result = export_gguf(kDemonstration, out, {});
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(logits(out), logits(kDemonstration));
  const Tokenizer tokenizer = AutoTokenizer::from_pretrained(out);
  const std::string messages = R"([{"role":"user","content":"Where is Vera?"}])";
  EXPECT_EQ(tokenizer.encode_chat(messages),
            AutoTokenizer::from_pretrained(kDemonstration).encode_chat(messages));
  const GenerationConfig generation =
      GenerationConfig::from_pretrained(out, MiniMaxConfig::from_pretrained(out));
  EXPECT_THAT(generation.eos_token_id, ElementsAre(3, 0));
  EXPECT_TRUE(generation.do_sample);
  EXPECT_FLOAT_EQ(static_cast<float>(generation.temperature), 0.7F);
}

TEST(GgufExport, QuantizesWithFallbacksAndRules) {
  const TemporaryDirectory directory;
  const fs::path out = directory.path() / "m.gguf";
  GgufExportOptions options = weights_as(Format::kQ4_0);
  options.plan.keep = {{.pattern = "model.*", .format = std::nullopt},
                       {.pattern = "*.layers.1.*.w2.weight", .format = Format::kQ4_K},
                       {.pattern = "*.layers.2.*.w2.weight", .format = Format::kQ8_0}};
  options.threads = 2;
  EXPECT_THAT(export_gguf(kDemonstration, out, options).warnings,
              ElementsAre("1 tensors have rows that do not divide into blocks of q4_k: they are "
                          "q5_0"));
  const io::GgufModel file = io::read_gguf(out);
  const auto type = [&](const char* name) {
    return std::string(io::type_name(file.checkpoint.require(name)));
  };
  EXPECT_EQ(type("output.weight"), "q4_0");
  EXPECT_EQ(type("blk.0.attn_qkv.weight"), "BF16");
  EXPECT_EQ(type("blk.0.attn_norm.weight"), "F32");
  EXPECT_EQ(type("blk.2.ffn_gate_inp.weight"), "F32");
  EXPECT_EQ(type("blk.2.ffn_down_exps.weight"), "q8_0");
  EXPECT_EQ(type("blk.1.ffn_down_exps.weight"), "q5_0");      // rows of 192 are no blocks of 256
  EXPECT_EQ(file.metadata.integer("general.file_type"), 32);  // most are bf16
  EXPECT_LT(relative_difference(logits(out), logits(kDemonstration)), 0.2);
}

TEST(GgufExport, GoesFromGgufToGguf) {
  const TemporaryDirectory directory;
  const fs::path first = directory.path() / "q8.gguf";
  const KeepRule head{.pattern = "lm_head.*", .format = Format::kQ8_0};
  export_gguf(kDemonstration, first, {.plan = {.keep = {head}}});
  export_gguf(first, directory.path() / "same.gguf", {});
  EXPECT_EQ(logits(directory.path() / "same.gguf"), logits(first));
  GgufExportOptions again{.plan = {.keep = {{.pattern = "lm_head.*", .format = Format::kQ4_0}}}};
  const fs::path out = directory.path() / "q4.gguf";
  EXPECT_THAT(thrown_by([&] { export_gguf(first, out, again); }).message,
              HasSubstr("it is q8_0 already"));
  again.plan.requantize = true;
  EXPECT_NO_THROW(export_gguf(first, out, again));
}

TEST(GgufExport, KeepsTheOtherKeysOfAGgufFile) {
  const TemporaryDirectory directory;
  const fs::path first = directory.path() / "first.gguf";
  export_gguf(kDemonstration, first, {});
  const io::GgufModel model = io::read_gguf(first);
  io::GgufWriter::Keys keys(model.metadata.values().begin(), model.metadata.values().end());
  std::erase_if(keys, [](const auto& key) { return key.first == "general.name"; });
  keys.emplace_back("general.name", std::string("A Name"));
  keys.emplace_back("general.license", std::string("apache-2.0"));
  keys.emplace_back("tokenizer.ggml.eom_token_id", std::uint32_t{1});
  keys.emplace_back("somebody.else", std::uint32_t{1});
  std::vector<io::GgufTensorPlan> plans;
  for (const io::TensorEntry& entry : model.checkpoint.tensors) {
    plans.push_back({entry.name, model::stored_format(entry), entry.shape});
  }
  const fs::path second = directory.path() / "second.gguf";
  io::GgufWriter writer(second, plans, keys);
  const io::CheckpointReader reader(model.checkpoint);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(model.checkpoint.tensors[i].bytes));
    reader.read(model.checkpoint.tensors[i], bytes);
    writer.append(i, bytes);
  }
  writer.commit();
  const fs::path third = directory.path() / "third.gguf";
  export_gguf(second, third, {.plan = {.format = Format::kQ8_0}});
  const io::GgufMetadata metadata = io::read_gguf(third).metadata;
  EXPECT_EQ(*metadata.string("general.name"), "A Name");
  EXPECT_EQ(*metadata.string("general.license"), "apache-2.0");
  EXPECT_EQ(metadata.integer("tokenizer.ggml.eom_token_id"), 1);
  EXPECT_EQ(metadata.integer("general.file_type"), 7);
  EXPECT_EQ(metadata.find("somebody.else"), nullptr);
}

TEST(GgufExport, NamesTokensWhoseRowsOfTheHeadAreZero) {
  const TemporaryDirectory directory;
  const io::Checkpoint checkpoint = io::read_safetensors(golden("lightning_first"));
  const io::CheckpointReader reader(checkpoint);
  minimax::testing::SafetensorsBuilder builder;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    std::string data(static_cast<std::size_t>(entry.bytes), '\0');
    reader.read(entry, std::as_writable_bytes(std::span(data)));
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < entry.shape.rank(); ++axis) {
      shape.push_back(entry.shape[axis]);
    }
    if (entry.name == "lm_head.weight") {
      const auto row = data.size() / static_cast<std::size_t>(entry.shape[0]);
      std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(3 * row), row, '\0');
    }
    builder.tensor(entry.name, tensor::dtype_name(entry.dtype), shape, data);
  }
  directory.write("config.json", base::read_file(golden("lightning_first") / "config.json"));
  directory.write("model.safetensors", builder.build());
  const fs::path out = directory.path() / "m.gguf";
  export_gguf(directory.path(), out, weights_as(std::nullopt));
  EXPECT_THAT(*io::read_gguf(out).metadata.integers("tokenizer.ggml.suppress_tokens"),
              ElementsAre(3));
}

TEST(GgufExport, SaysWhatLlamaCppCannotExpress) {
  const TemporaryDirectory directory;
  const auto message_of = [&](const fs::path& model, GgufExportOptions options) {
    const auto thrown =
        thrown_by([&] { export_gguf(model, directory.path() / "m.gguf", options); });
    EXPECT_EQ(thrown.code, ErrorCode::kUnsupported) << thrown.message;
    return thrown.message;
  };
  const GgufExportOptions plain = weights_as(std::nullopt);
  EXPECT_THAT(message_of(golden("shared_expert"), plain), HasSubstr("shared experts"));
  EXPECT_THAT(message_of(golden("window/lightning_first"), plain), HasSubstr("sliding window"));
  EXPECT_THAT(message_of(golden("alibi_heads_6"), plain), HasSubstr("slopes for 6 heads"));
  EXPECT_THAT(message_of(kDemonstration, weights_as(Format::kNF4)), HasSubstr("no type for nf4"));
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST(GgufExport, NeverReplacesAFileUnasked) {
  const TemporaryDirectory directory;
  const fs::path out = directory.write("m.gguf", "precious");
  EXPECT_EQ(thrown_by([&] { export_gguf(kDemonstration, out, {}); }).code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(base::read_file(out), "precious");
  GgufExportOptions options;
  options.existing = ExistingFile::kReplace;
  options.on_progress = [](std::int64_t, std::int64_t) {
    throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_EQ(thrown_by([&] { export_gguf(kDemonstration, out, options); }).code,
            ErrorCode::kCancelled);
  EXPECT_EQ(base::read_file(out), "precious");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()), 1);
  options.on_progress = {};
  EXPECT_THAT(thrown_by([&] {
                export_gguf(kDemonstration, kDemonstration / "model-00001-of-00004.safetensors",
                            options);
              }).message,
              HasSubstr("another file than the model's own"));
  export_gguf(kDemonstration, out, options);
  EXPECT_EQ(logits(out), logits(kDemonstration));
}

}  // namespace
}  // namespace minimax::convert

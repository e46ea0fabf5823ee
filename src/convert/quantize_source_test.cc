// SPDX-License-Identifier: Apache-2.0
// A model quantizes to the same weights whether it lies in safetensors or in GGUF.
#include "convert/quantize_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "convert/gguf_export.h"
#include "convert/quantize.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "minimax/generation_config.h"
#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::convert {
namespace {

namespace fs = std::filesystem;
using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using quant::Format;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path kSource = MINIMAX_SOURCE_DIR;
const fs::path kDemonstration = kSource / "models/tiny-minimax";

void quantize_model(const fs::path& model, const fs::path& out, const PlanOptions& options) {
  const QuantizeSource source = open_quantize_source(model);
  EXPECT_THAT(source.warnings, IsEmpty());
  const QuantizePlan plan = plan_quantization(source.checkpoint, source.config, options);
  quantize(source, plan, out, {});
}

fs::path exported(const fs::path& model, const TemporaryDirectory& folder, TokenizerUse tokenizer) {
  const fs::path out = folder.path() / "model.gguf";
  export_gguf(model, out, {.existing = ExistingFile::kReplace, .tokenizer = tokenizer});
  return out;
}

std::vector<float> logits(const fs::path& path, ComputeType dtype = ComputeType::kAuto) {
  MiniMaxForCausalLM model =
      MiniMaxForCausalLM::from_pretrained(path, {.dtype = dtype, .threads = 1});
  return model.forward(std::vector<std::int32_t>{1, 5, 2, 2, 30, 7}).logits.values;
}

TEST(QuantizeSource, GivesTheSameLogitsFromGgufAsFromSafetensors) {
  for (const Format format : {Format::kInt8G32, Format::kNF4}) {
    const TemporaryDirectory folder;
    const fs::path gguf = exported(kDemonstration, folder, TokenizerUse::kWrite);
    const PlanOptions options{.format = format,
                              .keep = {{.pattern = "*.experts.3.*", .format = Format::kQ8_0}}};
    quantize_model(kDemonstration, folder.path() / "a", options);
    quantize_model(gguf, folder.path() / "b", options);
    EXPECT_EQ(logits(folder.path() / "a"), logits(folder.path() / "b"));
  }
}

TEST(QuantizeSource, KeepsBlocksOfAGgufFileAsTheyAre) {
  const TemporaryDirectory folder;
  const fs::path gguf = folder.path() / "q4.gguf";
  export_gguf(kDemonstration, gguf, {.plan = {.format = Format::kQ4_0}});
  quantize_model(gguf, folder.path() / "out", {.format = Format::kQ4_0});
  EXPECT_EQ(logits(folder.path() / "out"), logits(gguf));
  EXPECT_THAT(thrown_by([&] {
                quantize_model(gguf, folder.path() / "no", {.format = Format::kQ8_0});
              }).message,
              HasSubstr("to quantize a second time adds errors"));
}

TEST(QuantizeSource, GivesAGgufFileTheFilesOfAFolder) {
  const TemporaryDirectory folder;
  const fs::path out = folder.path() / "out";
  quantize_model(exported(kDemonstration, folder, TokenizerUse::kWrite), out, {});
  const Tokenizer tokenizer = AutoTokenizer::from_pretrained(out);
  const Tokenizer original = AutoTokenizer::from_pretrained(kDemonstration);
  const std::string messages = R"([{"role":"user","content":"Where is Vera? <end_of_sentence>"}])";
  EXPECT_THAT(tokenizer.warnings(), IsEmpty());
  EXPECT_EQ(tokenizer.encode_chat(messages), original.encode_chat(messages));
  const MiniMaxConfig config = MiniMaxConfig::from_pretrained(out);
  const GenerationConfig generation = GenerationConfig::from_pretrained(out, config);
  const GenerationConfig expected = GenerationConfig::from_pretrained(
      kDemonstration, MiniMaxConfig::from_pretrained(kDemonstration));
  EXPECT_EQ(generation.eos_token_id, expected.eos_token_id);
  EXPECT_TRUE(generation.do_sample);
  EXPECT_FLOAT_EQ(static_cast<float>(generation.top_p), static_cast<float>(expected.top_p));
  EXPECT_THAT(generation.warnings, IsEmpty());
}

TEST(QuantizeSource, LeavesNoBlocksOfGgufInACheckpointOfBitsandbytes) {
  const TemporaryDirectory folder;
  const fs::path gguf = folder.path() / "q8.gguf";
  export_gguf(kDemonstration, gguf,
              {.plan = {.keep = {{.pattern = "*embed*", .format = Format::kQ8_0}}}});
  const QuantizeSource source = open_quantize_source(gguf);
  const QuantizePlan plan =
      plan_quantization(source.checkpoint, source.config, {.format = Format::kNF4});
  const auto thrown =
      thrown_by([&] { static_cast<void>(bitsandbytes_layout(plan, DoubleQuant::kOff)); });
  EXPECT_EQ(thrown.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(thrown.message, HasSubstr("model.embed_tokens.weight: a checkpoint of bitsandbytes"));
  EXPECT_THAT(thrown.message, HasSubstr("found q8_0"));
}

TEST(QuantizeSource, GivesTransformersOneTypeBesideQuantizedWeights) {
  const TemporaryDirectory folder;
  const fs::path gguf = exported(kDemonstration, folder, TokenizerUse::kLeaveOut);
  const QuantizeSource source = open_quantize_source(gguf);
  const PlanOptions options{.format = Format::kNF4, .keep = {{"*.experts.*", std::nullopt}}};
  QuantizePlan plan = plan_quantization(source.checkpoint, source.config, options);
  unify_types(plan);
  const fs::path out = folder.path() / "out";
  quantize(source, plan, out, {.layout = Layout::kBitsandbytes});
  const io::Checkpoint written = io::read_safetensors(out, io::Parts::kAsStored);
  for (const char* name :
       {"model.norm.weight", "lm_head.weight", "model.layers.0.block_sparse_moe.gate.weight"}) {
    EXPECT_EQ(written.require(name).dtype, tensor::DType::kBF16) << name;
  }
  const base::Json config = base::read_json_file((out / "config.json").string());
  EXPECT_EQ(config.find("dtype")->string(), "bfloat16");
}

// Also the older place of a template, which tells nothing of the folder's other files.
TEST(QuantizeSource, CopiesEveryFileThatATokenizerIsReadFrom) {
  const TemporaryDirectory folder;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    folder.write(name, base::read_file(kDemonstration / name));
  }
  folder.write("config.json",
               base::read_file(kSource / "tests/golden/lightning_first/config.json"));
  folder.write("model.safetensors",
               base::read_file(kSource / "tests/golden/lightning_first/model.safetensors"));
  folder.write("chat_template.json", R"({"chat_template": "{{ messages[0].content }}!"})");
  const TemporaryDirectory other;
  quantize_model(folder.path(), other.path() / "out", {.format = Format::kF32});
  const Tokenizer tokenizer = AutoTokenizer::from_pretrained(other.path() / "out");
  EXPECT_EQ(tokenizer.apply_chat_template(R"([{"role":"user","content":"Hi"}])"), "Hi!");
}

// Tied embeddings, and the decay of the original classes, which takes their dialect of config.json.
TEST(QuantizeSource, KeepsWhatTheConfigurationSays) {
  for (const char* name : {"tied_embeddings", "text_01", "m1"}) {
    const TemporaryDirectory folder;
    const fs::path out = folder.path() / "out";
    const fs::path gguf =
        exported(kSource / "tests/golden" / name, folder, TokenizerUse::kLeaveOut);
    const QuantizeSource source = open_quantize_source(gguf);
    EXPECT_THAT(source.warnings, ::testing::ElementsAre(HasSubstr("no tokenizer"))) << name;
    const PlanOptions options{.format = Format::kF32};
    const QuantizePlan plan = plan_quantization(source.checkpoint, source.config, options);
    quantize(source, plan, out, {});
    EXPECT_EQ(logits(out, ComputeType::kFloat32), logits(gguf, ComputeType::kFloat32)) << name;
  }
}

}  // namespace
}  // namespace minimax::convert

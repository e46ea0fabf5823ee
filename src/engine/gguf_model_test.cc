// SPDX-License-Identifier: Apache-2.0
// The same weights as safetensors and as GGUF give the same model. The names and shapes of both are
// spelled out here, apart from the table that the loader has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "minimax/model.h"
#include "quant/decode.h"
#include "quant/encode.h"
#include "tests/support/difference.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax {
namespace {

using minimax::testing::GgufBuilder;
using minimax::testing::relative_difference;
using minimax::testing::SafetensorsBuilder;
using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using quant::Format;
using ::testing::HasSubstr;

constexpr std::int64_t kHidden = 256;  // a row of every format
constexpr std::int64_t kVocab = 40;
constexpr std::int64_t kExperts = 3;
const std::vector<std::int32_t> kTokens = {3, 17, 0, 39, 8, 8, 21};

constexpr const char* kConfig = R"({
  "architectures": ["MiniMaxForCausalLM"], "vocab_size": 40, "hidden_size": 256,
  "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 64, "rotary_dim": 32, "num_local_experts": 3,
  "num_experts_per_tok": 2, "layer_types": ["linear_attention", "full_attention"],
  "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "full_attn_alpha_factor": 1.5,
  "linear_attn_alpha_factor": 1.5, "mlp_alpha_factor": 1.5, "full_attn_beta_factor": 1.0,
  "linear_attn_beta_factor": 1.0, "mlp_beta_factor": 1.0})";

struct Weight {
  std::string gguf;  // where several lie in one tensor, in this order
  std::string published;
  std::vector<std::uint64_t> shape;
  std::vector<std::size_t> rows;  // which of base_rows() every row is

  bool is_matrix() const {
    return shape.size() == 2 && gguf.find("ffn_gate_inp") == std::string::npos;
  }
};

// All weights are put together from few rows, because encoders take their time.
constexpr std::size_t kBaseRows = 64;

std::vector<float> base_rows(bool is_norm) {
  base::SplitMix64 random(7);
  std::vector<float> values(kBaseRows * kHidden);
  for (float& value : values) {
    value = static_cast<float>(0.2 * (random.uniform() - 0.5) + (is_norm ? 1.0 : 0.0));
  }
  return values;
}

std::vector<Weight> random_weights() {
  base::SplitMix64 random(5);
  std::vector<Weight> weights;
  const auto add = [&](std::string gguf, std::string published, std::vector<std::uint64_t> shape) {
    Weight& weight =
        weights.emplace_back(Weight{std::move(gguf), std::move(published), std::move(shape), {}});
    const bool is_norm = weight.shape.size() == 1;
    for (std::uint64_t row = 0; row < (is_norm ? 1 : weight.shape[0]); ++row) {
      weight.rows.push_back(random.next() % kBaseRows);
    }
  };
  add("token_embd.weight", "model.embed_tokens.weight", {kVocab, kHidden});
  for (const int layer : {0, 1}) {
    const std::string blk = "blk." + std::to_string(layer) + ".";
    const std::string layers = "model.layers." + std::to_string(layer) + ".";
    add(blk + "attn_norm.weight", layers + "input_layernorm.weight", {kHidden});
    if (layer == 0) {
      add(blk + "attn_qkv.weight", layers + "self_attn.qkv_proj.weight", {3 * kHidden, kHidden});
      add(blk + "attn_gate.weight", layers + "self_attn.output_gate.weight", {kHidden, kHidden});
      add(blk + "attn_norm_2.weight", layers + "self_attn.norm.weight", {kHidden});
      add(blk + "attn_output.weight", layers + "self_attn.out_proj.weight", {kHidden, kHidden});
    } else {
      add(blk + "attn_q.weight", layers + "self_attn.q_proj.weight", {kHidden, kHidden});
      add(blk + "attn_k.weight", layers + "self_attn.k_proj.weight", {kHidden / 2, kHidden});
      add(blk + "attn_v.weight", layers + "self_attn.v_proj.weight", {kHidden / 2, kHidden});
      add(blk + "attn_output.weight", layers + "self_attn.o_proj.weight", {kHidden, kHidden});
    }
    add(blk + "ffn_norm.weight", layers + "post_attention_layernorm.weight", {kHidden});
    add(blk + "ffn_gate_inp.weight", layers + "block_sparse_moe.gate.weight", {kExperts, kHidden});
    for (const auto& [name, part] : {std::pair("gate", "w1"), {"up", "w3"}, {"down", "w2"}}) {
      for (int expert = 0; expert < kExperts; ++expert) {
        add(blk + "ffn_" + name + "_exps.weight",
            layers + "block_sparse_moe.experts." + std::to_string(expert) + "." + part + ".weight",
            {kHidden, kHidden});
      }
    }
  }
  add("output_norm.weight", "model.norm.weight", {kHidden});
  add("output.weight", "lm_head.weight", {kVocab, kHidden});
  return weights;
}

const std::vector<Weight>& weights() {
  static const std::vector<Weight> kWeights = random_weights();
  return kWeights;
}

// The rows of matrices in a format, and those of everything else in F32.
class Rows {
 public:
  explicit Rows(Format matrices)
      : format_(matrices),
        matrices_(encode(matrices, base_rows(false))),
        norms_(encode(Format::kF32, base_rows(true))) {}

  Format format_of(const Weight& weight) const {
    return weight.is_matrix() ? format_ : Format::kF32;
  }

  std::string bytes(const Weight& weight) const {
    const auto size = static_cast<std::size_t>(quant::row_bytes(format_of(weight), kHidden));
    std::string result;
    for (const std::size_t row : weight.rows) {
      result += (weight.is_matrix() ? matrices_ : norms_).substr(row * size, size);
    }
    return result;
  }

  std::vector<float> values(const Weight& weight) const {
    std::vector<float> result(weight.rows.size() * kHidden);
    const std::string encoded = bytes(weight);
    quant::decode_row(format_of(weight), std::as_bytes(std::span(encoded)), result);
    return result;
  }

 private:
  static std::string encode(Format format, const std::vector<float>& values) {
    std::string bytes(kBaseRows * static_cast<std::size_t>(quant::row_bytes(format, kHidden)),
                      '\0');
    quant::encode_row(format, values, {}, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }

  Format format_;
  std::string matrices_;
  std::string norms_;
};

GgufBuilder metadata() {
  GgufBuilder builder;
  builder.text("general.architecture", "minimax-01")
      .number<std::uint32_t>("minimax-01.context_length", 4096)
      .number<std::uint32_t>("minimax-01.embedding_length", kHidden)
      .number<std::uint32_t>("minimax-01.block_count", 2)
      .number<std::uint32_t>("minimax-01.feed_forward_length", kHidden)
      .number<std::uint32_t>("minimax-01.vocab_size", kVocab)
      .number<std::uint32_t>("minimax-01.attention.head_count", 4)
      .number<std::uint32_t>("minimax-01.attention.head_count_kv", 2)
      .number<std::uint32_t>("minimax-01.attention.key_length", 64)
      .number<float>("minimax-01.attention.layer_norm_rms_epsilon", 1e-5F)
      .raw_array("minimax-01.attention.recurrent_layers", 7, 2, std::string_view("\1\0", 2))
      .number<std::uint32_t>("minimax-01.rope.dimension_count", 32)
      .number<float>("minimax-01.rope.freq_base", 10000.0F)
      .number<std::uint32_t>("minimax-01.expert_count", kExperts)
      .number<std::uint32_t>("minimax-01.expert_used_count", 2)
      .number<float>("minimax-01.residual_scale", 1.5F);
  return builder;
}

// One tensor of a GGUF file.
struct Part {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::string bytes;
  std::uint32_t type = 0;
};

std::vector<Part> parts(Format matrices) {
  const Rows rows(matrices);
  std::vector<Part> result;
  for (const Weight& weight : weights()) {
    const quant::FormatInfo& format = quant::info(rows.format_of(weight));
    if (result.empty() || result.back().name != weight.gguf) {
      const bool is_expert = weight.gguf.find("_exps") != std::string::npos;
      result.push_back(
          {weight.gguf, weight.shape, {}, static_cast<std::uint32_t>(*format.gguf_id)});
      if (is_expert) {
        result.back().shape.insert(result.back().shape.begin(), kExperts);
      }
    }
    result.back().bytes += rows.bytes(weight);
  }
  return result;
}

std::string gguf_file(const std::vector<Part>& tensors, GgufBuilder builder = metadata()) {
  for (const Part& part : tensors) {
    builder.tensor(part.name, part.shape, part.type, part.bytes);
  }
  return builder.build();
}

// Safetensors in F32 of what the matrices are in that format.
void write_published(Format matrices, const TemporaryDirectory& directory) {
  const Rows rows(matrices);
  SafetensorsBuilder builder;
  for (const Weight& weight : weights()) {
    builder.tensor(weight.published, "F32", {weight.shape.begin(), weight.shape.end()},
                   minimax::testing::bytes_of(rows.values(weight)));
  }
  directory.write("config.json", kConfig);
  directory.write("model.safetensors", builder.build());
}

std::vector<float> logits(const std::filesystem::path& path, LoadOptions options = {}) {
  options.threads = 1;
  if (options.dtype == ComputeType::kAuto) {
    options.dtype = ComputeType::kFloat32;
  }
  MiniMaxForCausalLM model = MiniMaxForCausalLM::from_pretrained(path, options);
  EXPECT_THAT(model.warnings(), ::testing::IsEmpty());
  return model.forward(kTokens).logits.values;
}

TEST(GgufModel, F32GivesTheLogitsOfSafetensors) {
  const TemporaryDirectory directory;
  write_published(Format::kF32, directory);
  const TemporaryDirectory other;
  other.write("model.gguf", gguf_file(parts(Format::kF32)));
  for (const Device device : {Device::kReference, Device::kCpu}) {
    EXPECT_EQ(logits(directory.path(), {.device = device}),
              logits(other.path(), {.device = device}));
  }
}

class GgufModelOf : public ::testing::TestWithParam<Format> {};

// Float32 arithmetic decodes weights exactly, so that only the order of sums may differ.
TEST_P(GgufModelOf, GivesTheLogitsOfItsDecodedWeights) {
  const Format format = GetParam();
  const TemporaryDirectory directory;
  write_published(format, directory);
  const auto file = directory.write("model.gguf", gguf_file(parts(format)));
  const std::vector<float> expected = logits(directory.path(), {.device = Device::kReference});
  EXPECT_LT(relative_difference(logits(file, {.device = Device::kReference}), expected), 1e-6);
  EXPECT_LT(relative_difference(logits(file, {.device = Device::kCpu}), expected), 1e-5);
}

std::vector<Format> gguf_formats() {
  std::vector<Format> rows;
  for (const quant::FormatInfo& row : quant::formats()) {
    if (row.gguf_id) {
      rows.push_back(row.format);
    }
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Formats, GgufModelOf, ::testing::ValuesIn(gguf_formats()),
                         [](const auto& instance) {
                           return std::string(quant::info(instance.param).name);
                         });

TEST(GgufModel, ReadsSplitFilesByAnyPart) {
  const TemporaryDirectory directory;
  const std::vector<Part> all = parts(Format::kQ8_0);
  const auto whole = directory.write("whole/model.gguf", gguf_file(all));
  std::vector<std::filesystem::path> files;
  for (const int part : {0, 1}) {
    GgufBuilder builder = part == 0 ? metadata() : GgufBuilder();
    builder.number<std::uint16_t>("split.no", static_cast<std::uint16_t>(part))
        .number<std::uint16_t>("split.count", 2)
        .number<std::int32_t>("split.tensors.count", static_cast<std::int32_t>(all.size()));
    const auto middle = all.begin() + 9;
    files.push_back(directory.write(
        "split/m-0000" + std::to_string(part + 1) + "-of-00002.gguf",
        gguf_file(part == 0 ? std::vector(all.begin(), middle) : std::vector(middle, all.end()),
                  builder)));
  }
  const std::vector<float> expected = logits(whole);
  EXPECT_EQ(logits(files[0]), expected);
  EXPECT_EQ(logits(files[1]), expected);
  EXPECT_EQ(logits(directory.path() / "split"), expected);
}

TEST(GgufModel, TiesAHeadThatTheFileLacks) {
  const TemporaryDirectory directory;
  std::vector<Part> tensors = parts(Format::kF32);
  tensors.pop_back();
  const auto file = directory.write("m.gguf", gguf_file(tensors));
  EXPECT_TRUE(MiniMaxConfig::from_pretrained(file).tie_word_embeddings);
  const auto tied = logits(file);
  tensors.push_back({"output.weight", {kVocab, kHidden}, tensors.front().bytes, 0});
  EXPECT_EQ(logits(directory.write("same.gguf", gguf_file(tensors))), tied);
}

TEST(GgufModel, TakesTheEpsilonOfTheLightningNormThatIsAskedFor) {
  const TemporaryDirectory directory;
  const auto file = directory.write("m.gguf", gguf_file(parts(Format::kF32)));
  const LoadOptions large{.lightning_norm_eps = 0.1};
  EXPECT_EQ(MiniMaxForCausalLM::from_pretrained(file, large).config().lightning_norm_eps, 0.1);
  EXPECT_EQ(logits(file, {.lightning_norm_eps = 1e-6}), logits(file));
  EXPECT_GT(relative_difference(logits(file), logits(file, large)), 1e-5);
}

TEST(GgufModel, NamesTensorsThatAreMissingOrOfAnotherShape) {
  const TemporaryDirectory directory;
  const auto message_of = [&](const std::vector<Part>& tensors) {
    const auto file = directory.write("m.gguf", gguf_file(tensors));
    return thrown_by([&] { MiniMaxForCausalLM::from_pretrained(file); }).message;
  };
  std::vector<Part> tensors = parts(Format::kF32);
  const auto find = [&](const char* name) {
    return std::ranges::find(tensors, std::string(name), &Part::name);
  };
  find("blk.1.attn_k.weight")->name = "blk.1.attn_z.weight";
  EXPECT_THAT(message_of(tensors),
              HasSubstr("m.gguf: 1 of 35 tensors are missing: blk.1.attn_k.weight"));
  tensors = parts(Format::kF32);
  std::swap(find("blk.0.ffn_up_exps.weight")->shape[0], find("blk.0.ffn_up_exps.weight")->shape[1]);
  EXPECT_THAT(message_of(tensors),
              HasSubstr("blk.0.ffn_up_exps.weight: expected [3, 256, 256], found [256, 3, 256]"));
}

}  // namespace
}  // namespace minimax

// SPDX-License-Identifier: Apache-2.0
// Loading checkpoints that are spelled in other ways, or broken: each variant is derived from one
// of the golden models.
#include "model/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/file.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests/golden/lightning_first";
const std::string kExpert = "model.layers.0.block_sparse_moe.experts.1.w1.weight";

struct RawTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string data;
};
using RawCheckpoint = std::map<std::string, RawTensor>;

RawCheckpoint read_raw() {
  const io::Checkpoint checkpoint = io::read_safetensors(kModel);
  const io::CheckpointReader reader(checkpoint);
  RawCheckpoint raw;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    RawTensor& tensor = raw[entry.name];
    tensor.dtype = tensor::dtype_name(entry.dtype);
    for (int axis = 0; axis < entry.shape.rank(); ++axis) {
      tensor.shape.push_back(entry.shape[axis]);
    }
    tensor.data.resize(static_cast<std::size_t>(entry.bytes));
    reader.read(entry, std::as_writable_bytes(std::span(tensor.data)));
  }
  return raw;
}

// Loads the model after `change` was made to its tensors.
Model load_changed(const std::function<void(RawCheckpoint&)>& change) {
  RawCheckpoint raw = read_raw();
  change(raw);
  testing::SafetensorsBuilder builder;
  for (const auto& [name, tensor] : raw) {
    builder.tensor(name, tensor.dtype, tensor.shape, tensor.data);
  }
  const testing::TemporaryDirectory directory;
  directory.write("config.json", base::read_file(kModel / "config.json"));
  directory.write("model.safetensors", builder.build());
  return load_model(directory.path(), HeadKind::kLanguage,
                    {.dtype = ComputeType::kFloat32, .threads = 2});
}

std::string bytes_of(const quant::Matrix& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes_begin()),
          static_cast<std::size_t>(tensor.bytes())};
}

// Replaces the tensors of all experts by the two fused ones that transformers 5 saves.
void fuse_experts(RawCheckpoint& raw, const MiniMaxConfig& config) {
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer);
    std::string gate_up;
    std::string down;
    std::string dtype;
    for (std::int64_t e = 0; e < config.num_local_experts; ++e) {
      const std::string expert = prefix + ".block_sparse_moe.experts." + std::to_string(e);
      dtype = raw.at(expert + ".w1.weight").dtype;
      gate_up += raw.at(expert + ".w1.weight").data + raw.at(expert + ".w3.weight").data;
      down += raw.at(expert + ".w2.weight").data;
      for (const char* part : {".w1.weight", ".w2.weight", ".w3.weight"}) {
        raw.erase(expert + part);
      }
    }
    const std::int64_t inner = config.intermediate_size;
    const std::int64_t hidden = config.hidden_size;
    raw[prefix + ".mlp.experts.gate_up_proj"] = {
        dtype, {config.num_local_experts, 2 * inner, hidden}, gate_up};
    raw[prefix + ".mlp.experts.down_proj"] = {
        dtype, {config.num_local_experts, hidden, inner}, down};
    raw[prefix + ".mlp.gate.weight"] = raw.at(prefix + ".block_sparse_moe.gate.weight");
    raw.erase(prefix + ".block_sparse_moe.gate.weight");
  }
}

TEST(Loader, ReadsFusedExpertsLikeSeparateOnes) {
  const Model separate = load_changed([](RawCheckpoint&) {});
  const Model fused = load_changed([&](RawCheckpoint& raw) { fuse_experts(raw, separate.config); });
  EXPECT_EQ(fused.identity, separate.identity);
  for (std::size_t layer = 0; layer < separate.weights.layers.size(); ++layer) {
    const MoeWeights& expected = separate.weights.layers[layer].moe;
    const MoeWeights& actual = fused.weights.layers[layer].moe;
    EXPECT_EQ(bytes_of(actual.router), bytes_of(expected.router));
    for (std::size_t e = 0; e < expected.experts.gate.size(); ++e) {
      EXPECT_EQ(bytes_of(actual.experts.gate[e]), bytes_of(expected.experts.gate[e]));
      EXPECT_EQ(bytes_of(actual.experts.up[e]), bytes_of(expected.experts.up[e]));
      EXPECT_EQ(bytes_of(actual.experts.down[e]), bytes_of(expected.experts.down[e]));
    }
  }
}

TEST(Loader, TellsModelsApartByTheirWeights) {
  const auto identity = [](const std::string& name) {
    return load_changed([&](RawCheckpoint& raw) {
             if (!name.empty()) {
               raw.at(name).data[0] ^= 1;
             }
           })
        .identity;
  };
  const std::uint64_t original = identity("");
  EXPECT_EQ(identity("lm_head.weight"), original);  // no state depends on it
  for (const char* name : {"model.norm.weight", "model.embed_tokens.weight",
                           "model.layers.0.block_sparse_moe.experts.1.w2.weight"}) {
    EXPECT_NE(identity(name), original) << name;
  }
}

TEST(Loader, NamesAllMissingTensorsAtOnce) {
  const auto thrown = testing::thrown_by([] {
    load_changed([](RawCheckpoint& raw) {
      raw.erase(kExpert);
      raw.erase("model.norm.weight");
    });
  });
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("2 of"));
  EXPECT_THAT(thrown.message, HasSubstr(kExpert));
  EXPECT_THAT(thrown.message, HasSubstr("model.norm.weight"));
}

TEST(Loader, NamesExpectedAndFoundShape) {
  const auto thrown = testing::thrown_by([] {
    load_changed(
        [](RawCheckpoint& raw) { std::swap(raw.at(kExpert).shape[0], raw.at(kExpert).shape[1]); });
  });
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr(kExpert + ": expected ["));
  EXPECT_THAT(thrown.message, HasSubstr("model.safetensors"));
}

TEST(Loader, RefusesTensorsThatAreNoFloats) {
  const auto thrown = testing::thrown_by([] {
    load_changed([](RawCheckpoint& raw) {
      RawTensor& tensor = raw.at(kExpert);
      tensor.dtype = tensor.dtype == "F32" ? "I32" : "I16";
    });
  });
  EXPECT_EQ(thrown.code, ErrorCode::kUnsupported);
  EXPECT_THAT(thrown.message, HasSubstr(kExpert + ": expected F32, F16, BF16 or blocks"));
}

TEST(Loader, WarnsAboutTensorsThatItDoesNotUse) {
  const Model model = load_changed([](RawCheckpoint& raw) {
    raw["model.layers.0.self_attn.slope_rate"] = {"F32", {1}, std::string(4, '\0')};
    raw["model.layers.0.extra.weight"] = {"F32", {1}, std::string(4, '\0')};
  });
  ASSERT_EQ(model.warnings.size(), 1u);  // decay buffers are expected, the other is not
  EXPECT_THAT(model.warnings[0], HasSubstr("model.layers.0.extra.weight"));
}

TEST(Loader, KeepsKeysAndValuesInTheTypeOfTheArithmeticUnlessAskedOtherwise) {
  const MiniMaxConfig config = MiniMaxConfig::from_pretrained(kModel);
  const auto dtype_of = [&](const LoadOptions& options) {
    return measure_of(random_model(config, HeadKind::kLanguage, options, 1)).kv_dtype;
  };
  EXPECT_EQ(dtype_of({}), tensor::DType::kF32);
  EXPECT_EQ(dtype_of({.dtype = ComputeType::kBFloat16}), tensor::DType::kBF16);
  EXPECT_EQ(dtype_of({.random_format = "bf16"}), tensor::DType::kBF16);
  EXPECT_EQ(dtype_of({.kv_cache_dtype = KvCacheDtype::kInt4, .random_format = "bf16"}),
            tensor::DType::kU8);
}

TEST(Loader, CountsWhatOneTokenUses) {
  const Model model = load_changed([](RawCheckpoint&) {});
  std::int64_t total = 0;
  std::int64_t experts = 0;
  for (const auto& [name, tensor] : read_raw()) {
    std::int64_t elements = 1;
    for (const std::int64_t extent : tensor.shape) {
      elements *= extent;
    }
    total += elements;
    experts += name.find(".experts.") != std::string::npos ? elements : 0;
  }
  const MiniMaxConfig& config = model.config;
  const std::int64_t vocabulary = 2 * config.vocab_size * config.hidden_size;
  EXPECT_EQ(model.size.total_parameters, total);
  EXPECT_EQ(model.size.active_parameters,
            total - vocabulary - experts +
                experts / config.num_local_experts * config.num_experts_per_tok);
}

}  // namespace
}  // namespace minimax::model

// SPDX-License-Identifier: Apache-2.0
// The one table of parameters: what every tensor is called in a checkpoint, what shape it has and
// how it may be cut over several devices. Loading, inspection and everything else that walks the
// weights reads this table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "minimax/config.h"
#include "model/weights.h"
#include "tensor/shape.h"

namespace minimax::model {

/// What a model has on top of its layers.
enum class HeadKind {
  kNone,
  kLanguage,                // lm_head, maybe tied to the embeddings
  kSequenceClassification,  // score
  kTokenClassification,     // score with a bias
  kQuestionAnswering,       // qa_outputs with a bias
};

/// How tensor parallelism cuts a parameter.
enum class Shard { kReplicated, kColumn, kRow, kExpert, kVocab };

/// How a parameter is kept in memory.
enum class Storage {
  kProjection,  // in the checkpoint's format; plain ones in bfloat16 where the model computes in it
  kFloat32,     // always float32: norms, the router
};

/// Where a parameter may lie in a checkpoint: a tensor, or consecutive elements of a larger one.
struct ParameterSource {
  std::string name;
  tensor::Shape tensor_shape;      // of the whole tensor in the checkpoint
  tensor::Shape shape;             // of the parameter
  std::int64_t first_element = 0;  // of the parameter in the tensor
};

/// Where in the Weights a parameter is viewed from.
using View = std::variant<tensor::Tensor*, quant::Matrix*>;

/// Which names the tensors of a checkpoint have.
enum class TensorNames { kPublished, kGguf };

inline constexpr const char* kEmbeddingsName = "model.embed_tokens.weight";

struct Parameter {
  /// The published name first, then other spellings; the first that a checkpoint has is taken.
  std::vector<ParameterSource> sources;
  std::optional<ParameterSource> gguf = std::nullopt;  // where GGUF files have a place for it
  Shard shard = Shard::kReplicated;
  Storage storage = Storage::kProjection;
  View view;  // in the Weights that the table was made for
  bool is_routed_expert = false;
  bool may_be_missing = false;  // then made of random numbers, to be trained

  const ParameterSource& published() const { return sources.front(); }
  /// What the view shows.
  quant::Matrix weights() const;
  /// Lets the view show `weights`, which are F32 where the view is a tensor.
  void place(const quant::Matrix& weights) const;
};

/// The head of the class that config.architecture names.
HeadKind head_kind(const MiniMaxConfig& config);

/// The table for one configuration. `weights.layers` is given its size and layer types; the views
/// of the rows point into `weights`, which must outlive the table and not be moved meanwhile.
std::vector<Parameter> parameters(const MiniMaxConfig& config, HeadKind head, Weights& weights);

/// True for tensors that checkpoints may hold and that are never read, such as decay buffers.
bool is_ignored_tensor(std::string_view name);

}  // namespace minimax::model

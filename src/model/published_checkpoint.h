// SPDX-License-Identifier: Apache-2.0
// The tensors of a GGUF file under the names that published checkpoints have.
#pragma once

#include "io/checkpoint.h"
#include "model/model_source.h"

namespace minimax::model {

/// Every parameter of the model in a tensor of its own, in the files of `source`: experts of one
/// layer, which lie one after another in one tensor of a GGUF file, become many. A warning counts
/// the tensors that are no parameters. A checkpoint that has published names stays as it is.
/// Throws: as match().
io::Checkpoint published_checkpoint(ModelSource source);

}  // namespace minimax::model

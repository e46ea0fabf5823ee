// SPDX-License-Identifier: Apache-2.0
// Reading the weights of a model on several threads.
#pragma once

#include <vector>

#include "io/checkpoint_reader.h"
#include "minimax/model.h"
#include "model/load_plan.h"
#include "tensor/memory.h"

namespace minimax::model {

/// The threads that a model is read with.
int load_threads(const LoadOptions& options);

/// Reads every item that the checkpoint has to where its parameter was placed in `memory`; the
/// calling thread takes part and reports the progress. Throws: as read_parameter() for the first
/// item that fails.
void read_items(const io::CheckpointReader& reader, const std::vector<LoadItem>& items,
                const tensor::Memory& memory, const LoadOptions& options);

}  // namespace minimax::model

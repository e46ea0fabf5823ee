// SPDX-License-Identifier: Apache-2.0
// Reading the weights of a model on several threads.
#pragma once

#include <functional>
#include <vector>

#include "io/checkpoint_reader.h"
#include "minimax/model.h"
#include "model/load_plan.h"
#include "quant/matrix.h"
#include "tensor/memory.h"

namespace minimax::model {

/// The threads that a model is read with.
int load_threads(const LoadOptions& options);

/// Shown rows of an item on their way to a device, from `first_row` of the item on; called from
/// several threads at once.
using RowWatcher =
    std::function<void(const LoadItem& item, std::int64_t first_row, const quant::Matrix& rows)>;

/// Reads every item that the checkpoint has to where its parameter was placed in `memory`; the
/// calling thread takes part and reports the progress. `watcher`, which may be empty, sees what
/// goes to memory that is not the host's. Throws: as read_parameter() for the first item that
/// fails.
void read_items(const io::CheckpointReader& reader, const std::vector<LoadItem>& items,
                const tensor::Memory& memory, const LoadOptions& options,
                const RowWatcher& watcher = {});

}  // namespace minimax::model

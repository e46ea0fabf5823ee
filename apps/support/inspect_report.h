// SPDX-License-Identifier: Apache-2.0
// What `minimax inspect` found, as a table for people and as JSON.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "io/checkpoint.h"
#include "io/value_check.h"
#include "minimax/config.h"
#include "model/loader.h"
#include "support/memory_plan.h"

namespace minimax::apps {

struct Inspection {
  std::filesystem::path directory;
  MiniMaxConfig config;
  io::Checkpoint checkpoint;
  model::ModelMeasure measure;
  MemoryPlan memory;
};

base::Json to_json(const Inspection& inspection);
std::string to_text(const Inspection& inspection);

/// One row for each tensor: name, type, shape, bytes, file.
std::string tensor_table(const io::Checkpoint& checkpoint);
base::Json tensors_json(const io::Checkpoint& checkpoint);

/// A tensor with values that a healthy checkpoint does not have.
struct SuspectTensor {
  std::string name;
  io::ValueCounts counts;
};
base::Json suspects_json(const std::vector<SuspectTensor>& suspects);

}  // namespace minimax::apps

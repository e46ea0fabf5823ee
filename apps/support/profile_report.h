// SPDX-License-Identifier: Apache-2.0
// Where the time of a step goes, part by part, beside the least time that the machine could take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/profile.h"
#include "model/loader.h"
#include "support/work_estimate.h"

namespace minimax::apps {

/// The step that was profiled.
struct ProfiledStep {
  std::int64_t tokens = 1;     // new ones, of all sequences
  std::int64_t sequences = 1;  // equally long
  std::int64_t depth = 0;      // tokens before these, of each
  double experts = 0;          // of a layer that any token chose, on average
};

/// A part, and what it has to move and to calculate; no work where its share never counts.
struct ProfiledPart {
  engine::PartTime time;
  Work work;
};

/// Adds to every part the weights, states, keys and values that it reads, and its arithmetic.
std::vector<ProfiledPart> with_work(const std::vector<engine::PartTime>& parts,
                                    const model::Model& model, const ProfiledStep& step);

/// The least seconds that work takes on a machine. Zero where the machine was not measured.
double floor_seconds(const Work& work, double bytes_per_second, double flops);

/// What a machine can do.
struct ProfileRoof {
  double bytes_per_second = 0;
  double flops = 0;
};
std::string profile_text(const std::vector<ProfiledPart>& parts, const ProfileRoof& roof);
base::Json profile_json(const std::vector<ProfiledPart>& parts, const ProfileRoof& roof);

}  // namespace minimax::apps

// SPDX-License-Identifier: Apache-2.0
// JSON as values of a template. All text in it is marked as input and used in place.
#pragma once

#include "base/json.h"
#include "text/jinja/value.h"

namespace minimax::text::jinja {

/// Requires: `json` outlives the heap.
Value from_json(Heap& heap, const base::Json& json);

}  // namespace minimax::text::jinja

// SPDX-License-Identifier: Apache-2.0
// Any bytes as a JSON schema: refused with an Error, or a grammar whose masks agree with trying
// tokens.
#include <cstddef>
#include <cstdint>

#include "base/json.h"
#include "grammar/fuzz_walk.h"
#include "grammar/json_schema.h"
#include "minimax/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const minimax::base::Json json = minimax::base::parse_json(text, "schema");
    minimax::grammar::walk_along_masks(
        minimax::grammar::json_schema_grammar(minimax::base::JsonView(json, "schema")),
        minimax::grammar::seed_of(text));
  } catch (const minimax::Error&) {  // refused, or too ambiguous to be followed
  }
  return 0;
}

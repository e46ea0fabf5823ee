// SPDX-License-Identifier: Apache-2.0
// Any bytes as GBNF and as a regular expression: refused with an Error, or a grammar whose masks
// agree with trying tokens.
#include <cstddef>
#include <cstdint>

#include "grammar/fuzz_walk.h"
#include "grammar/gbnf.h"
#include "grammar/regex.h"
#include "minimax/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool is_regex : {false, true}) {
    try {
      minimax::grammar::walk_along_masks(
          is_regex ? minimax::grammar::regex_grammar(text) : minimax::grammar::parse_gbnf(text),
          minimax::grammar::seed_of(text));
    } catch (const minimax::Error&) {  // refused, or too ambiguous to be followed
    }
  }
  return 0;
}

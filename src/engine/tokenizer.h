// SPDX-License-Identifier: Apache-2.0
// What stands behind the public class Tokenizer.
#pragma once

#include <string>
#include <vector>

#include "minimax/tokenizer.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace minimax {

struct Tokenizer::Impl {
  text::Tokenizer tokenizer;
  text::ChatTemplate chat_template;
  std::vector<std::string> warnings;  // of both
};

}  // namespace minimax

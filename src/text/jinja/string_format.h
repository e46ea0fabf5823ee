// SPDX-License-Identifier: Apache-2.0
// `"{} {name:>8}".format(...)`: Python's format strings. The older `%` is in operators.h.
#pragma once

#include "text/jinja/runtime.h"

namespace minimax::text::jinja {

const Text* format_braces(Runtime& runtime, const Text& format, const Arguments& arguments);

}  // namespace minimax::text::jinja

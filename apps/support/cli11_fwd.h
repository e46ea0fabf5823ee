// SPDX-License-Identifier: Apache-2.0
// The classes of CLI11 that our headers name. Its own header takes seconds to compile, so only
// the files that define options include it.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
class Option;
}  // namespace CLI

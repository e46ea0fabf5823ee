// SPDX-License-Identifier: Apache-2.0
// All sub-commands. Each is defined in the file of its name, or of that of its neighbour.
#pragma once

#include <memory>

#include "support/command.h"

namespace minimax::apps {

std::unique_ptr<Command> make_chat_command();
std::unique_ptr<Command> make_generate_command();
std::unique_ptr<Command> make_classify_command();
std::unique_ptr<Command> make_tag_command();
std::unique_ptr<Command> make_answer_command();
std::unique_ptr<Command> make_logits_command();
std::unique_ptr<Command> make_tokenize_command();
std::unique_ptr<Command> make_detokenize_command();
std::unique_ptr<Command> make_apply_template_command();
std::unique_ptr<Command> make_inspect_command();
std::unique_ptr<Command> make_perplexity_command();
std::unique_ptr<Command> make_quantize_command();
std::unique_ptr<Command> make_convert_command();
std::unique_ptr<Command> make_verify_command();
std::unique_ptr<Command> make_imatrix_command();
std::unique_ptr<Command> make_serve_command();
std::unique_ptr<Command> make_bench_command();
/// Requires: `program` outlives the command; its options are what is completed.
std::unique_ptr<Command> make_completion_command(const CLI::App& program);

}  // namespace minimax::apps

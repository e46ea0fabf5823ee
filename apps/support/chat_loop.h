// SPDX-License-Identifier: Apache-2.0
// The interactive chat: reads messages and /commands, and prints replies as they are generated.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "minimax/model.h"
#include "support/chat_session.h"
#include "support/line_reader.h"
#include "support/sampling_options.h"
#include "support/signals.h"

namespace minimax::apps {

struct ChatSettings {
  std::string system;        // system message, or empty
  SamplingOptions sampling;  // changed by /set
  bool verbose = false;      // timings after every reply
};

class ChatLoop {
 public:
  /// Requires: model and tokenizer outlive the loop.
  ChatLoop(MiniMaxForCausalLM& model, const Tokenizer& tokenizer, ChatSettings settings);

  /// Replaces the conversation, system message included, by that of a file.
  /// Throws: Error{kCorruptFile, kIo}.
  void load(const std::string& file);
  void set_system(const std::string& text);

  /// Answers one message. Returns the exit code.
  int answer(const std::string& message);

  /// Answers messages until the user leaves. Returns the exit code.
  int run();

 private:
  using Handler = void (ChatLoop::*)(const std::string& argument);
  struct SlashCommand {
    std::string_view name;
    std::string_view argument;
    std::string_view help;
    Handler handler;
  };
  static const SlashCommand* find_command(std::string_view name);
  static std::string command_names();

  LineReader::Event read(std::string& message);
  void process(const std::string& message);
  void run_command(const std::string& line);
  void reply();

  void show_help(const std::string& argument);
  void clear(const std::string& argument);
  void regenerate(const std::string& argument);
  void undo(const std::string& argument);
  void edit(const std::string& argument);
  void save(const std::string& argument);
  void load_command(const std::string& argument);
  void set(const std::string& argument);
  void show_stats(const std::string& argument);
  void system(const std::string& argument);
  void leave(const std::string& argument);

  static const SlashCommand kCommands[];

  MiniMaxForCausalLM& model_;
  const Tokenizer& tokenizer_;
  ChatSession session_;
  ChatSettings settings_;
  LineReader reader_;
  std::optional<GenerateOutput> latest_;  // for /stats
  std::string initial_;                   // what /edit puts into the next line
  int interrupts_ = 0;                    // in a row
  bool leaving_ = false;
};

}  // namespace minimax::apps

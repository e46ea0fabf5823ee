// SPDX-License-Identifier: Apache-2.0
#include "support/chat_loop.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/file.h"
#include "support/conversation.h"
#include "support/exit_code.h"
#include "support/progress.h"
#include "support/suggest.h"
#include "support/terminal.h"
#include "support/text_input.h"
#include "support/timings.h"

namespace minimax::apps {
namespace {

std::string trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return "";
  }
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

void write_error(const std::string& message) {
  const Terminal terminal = describe_terminal(STDERR_FILENO);
  write_message(fmt::format("{} {}\n", styled(terminal, Style::kRed, "error:"),
                            base::printable(message, 2000)));
}

}  // namespace

const ChatLoop::SlashCommand ChatLoop::kCommands[] = {
    {"/help", "", "this list", &ChatLoop::show_help},
    {"/clear", "", "start a new conversation; the system message stays", &ChatLoop::clear},
    {"/regen", "", "generate the latest reply anew", &ChatLoop::regenerate},
    {"/undo", "", "take back the latest message and its reply", &ChatLoop::undo},
    {"/edit", "", "take them back and edit the message", &ChatLoop::edit},
    {"/save", "FILE", "write the conversation as JSON", &ChatLoop::save},
    {"/load", "FILE", "read a conversation", &ChatLoop::load_command},
    {"/set", "[NAME VALUE]", "show the settings, or change one", &ChatLoop::set},
    {"/stats", "", "speed and memory of the latest reply", &ChatLoop::show_stats},
    {"/system", "[TEXT]", "set the system message; without a text, remove it", &ChatLoop::system},
    {"/exit", "", "leave; Ctrl-D does too", &ChatLoop::leave},
};

ChatLoop::ChatLoop(MiniMaxForCausalLM& model, const Tokenizer& tokenizer, ChatSettings settings)
    : model_(model),
      tokenizer_(tokenizer),
      session_(model, tokenizer),
      settings_(std::move(settings)) {
  set_system_message(session_.messages(), settings_.system);
}

void ChatLoop::load(const std::string& file) {
  session_.messages() = parse_messages(read_text(file), base::printable(file));
  settings_.system = system_message(session_.messages());
}

void ChatLoop::set_system(const std::string& text) {
  settings_.system = text;
  set_system_message(session_.messages(), text);
}

int ChatLoop::answer(const std::string& message) {
  session_.messages().push_back(make_message("user", message));
  reply();
  return interrupts_ > 0 ? kExitSignal + last_signal() : kExitSuccess;
}

int ChatLoop::run() {
  std::string message;
  while (!leaving_) {
    const LineReader::Event event = read(message);
    if (event == LineReader::Event::kEnd) {
      break;
    }
    if (event == LineReader::Event::kLine) {
      interrupts_ = 0;
      process(message);
    } else if (++interrupts_ == 1 && reader_.interactive() && last_signal() == SIGINT) {
      write_message("Ctrl-C once more or Ctrl-D leaves the chat.\n");
    } else {
      interrupts_ = 2;
    }
    if (interrupts_ > 1 || (interrupts_ == 1 && last_signal() != SIGINT)) {
      return kExitSignal + last_signal();
    }
  }
  return kExitSuccess;
}

LineReader::Event ChatLoop::read(std::string& message) {
  const InterruptScope scope;
  return read_message(reader_, "> ", message, std::exchange(initial_, ""));
}

void ChatLoop::process(const std::string& message) {
  if (trim(message).empty()) {
    return;
  }
  reader_.remember(message);
  try {
    if (message.front() == '/' && message.find('\n') == std::string::npos) {
      run_command(message);
      return;
    }
    session_.messages().push_back(make_message("user", message));
    reply();
  } catch (const UsageError& error) {
    write_error(error.what() + (error.hint().empty() ? "" : "; " + error.hint()));
  } catch (const Error& error) {
    write_error(error.what());
  }
}

void ChatLoop::reply() {
  const InterruptScope scope;
  GenerationConfig config = to_generation_config(settings_.sampling, model_.generation_config());
  add_words(settings_.sampling, tokenizer_, config);
  Progress progress("Reading");
  GenerateOptions options;
  options.cancelled = [&] { return scope.interrupted(); };
  options.on_prompt_progress = [&](std::int64_t done, std::int64_t total) {
    progress.update(done, total);
  };
  options.on_text = [&](std::string_view text) {
    progress.finish();
    write_model_text(text);
  };
  try {
    latest_ = session_.reply(config, options);
  } catch (const Error&) {
    progress.finish();
    remove_latest_exchange(session_.messages());
    throw;
  }
  progress.finish();
  write_output("\n");
  if (scope.interrupted()) {
    interrupts_ = 1;
  }
  if (settings_.verbose) {
    write_message(describe_timings(*latest_) + "\n");
  }
}

const ChatLoop::SlashCommand* ChatLoop::find_command(std::string_view name) {
  for (const SlashCommand& command : kCommands) {
    if (command.name == name) {
      return &command;
    }
  }
  return nullptr;
}

void ChatLoop::run_command(const std::string& line) {
  const std::size_t end = line.find_first_of(" \t");
  const std::string name = line.substr(0, end);
  const std::string argument = end == std::string::npos ? "" : trim(line.substr(end));
  const SlashCommand* command = find_command(name == "/quit" || name == "/bye" ? "/exit" : name);
  if (command != nullptr) {
    (this->*command->handler)(argument);
    return;
  }
  std::vector<std::string> known;
  for (const SlashCommand& candidate : kCommands) {
    known.emplace_back(candidate.name);
  }
  const std::string nearest = nearest_word(name, known);
  throw UsageError(fmt::format("no command {}", base::printable(name)),
                   nearest.empty() ? "/help lists them" : fmt::format("did you mean {}?", nearest));
}

void ChatLoop::show_help(const std::string& /*argument*/) {
  for (const SlashCommand& command : kCommands) {
    write_message(fmt::format("  {:<8} {:<13} {}\n", command.name, command.argument, command.help));
  }
  write_message(
      "A line that ends with \\ goes on in the next one; a text in \"\"\" may have many lines.\n"
      "Ctrl-C stops a reply; pressed twice it leaves the chat.\n");
}

void ChatLoop::clear(const std::string& /*argument*/) {
  session_.messages().clear();
  set_system_message(session_.messages(), settings_.system);
  write_message("A new conversation begins.\n");
}

void ChatLoop::regenerate(const std::string& /*argument*/) {
  const std::string text = remove_latest_exchange(session_.messages());
  session_.messages().push_back(make_message("user", text));
  reply();
}

void ChatLoop::undo(const std::string& /*argument*/) {
  remove_latest_exchange(session_.messages());
  write_message("The latest message and its reply are gone.\n");
}

void ChatLoop::edit(const std::string& /*argument*/) {
  initial_ = remove_latest_exchange(session_.messages());
  if (!reader_.interactive()) {
    initial_.clear();
  }
}

void ChatLoop::save(const std::string& argument) {
  if (argument.empty()) {
    throw UsageError("expected a file, found nothing", "/save FILE");
  }
  const InterruptScope scope;
  save_messages(session_.messages(), argument);
  write_message(fmt::format("Saved {} messages to {}.\n", session_.messages().size(),
                            base::printable(argument)));
}

void ChatLoop::load_command(const std::string& argument) {
  if (argument.empty()) {
    throw UsageError("expected a file, found nothing", "/load FILE");
  }
  load(argument);
  write_message(fmt::format("Loaded {} messages.\n", session_.messages().size()));
}

void ChatLoop::set(const std::string& argument) {
  if (argument.empty()) {
    write_message(
        describe_sampling(to_generation_config(settings_.sampling, model_.generation_config())));
    return;
  }
  const std::size_t end = argument.find_first_of(" \t=");
  const std::string value = end == std::string::npos ? "" : trim(argument.substr(end + 1));
  set_sampling_option(settings_.sampling, argument.substr(0, end), value);
}

void ChatLoop::show_stats(const std::string& /*argument*/) {
  if (!latest_) {
    throw UsageError("there is no reply yet");
  }
  write_message(describe_timings(*latest_) + "\n");
  write_message(fmt::format("{} tokens of the conversation were still in mind and not read again\n",
                            session_.reused_tokens()));
  write_message(fmt::format("{} tokens are in mind now, {:.1f} MiB of state\n",
                            session_.context_tokens(),
                            static_cast<double>(session_.state_bytes()) / (1 << 20)));
}

void ChatLoop::system(const std::string& argument) {
  set_system(argument);
  write_message(argument.empty() ? "No system message.\n" : "The system message is set.\n");
}

void ChatLoop::leave(const std::string& /*argument*/) { leaving_ = true; }

}  // namespace minimax::apps

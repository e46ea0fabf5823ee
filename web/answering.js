// SPDX-License-Identifier: Apache-2.0
// Answers that are being written: at most one in a conversation, in several conversations at once.

import { ServerError, streamChat } from "./api.js";
import { addCalls } from "./calls.js";
import { toRequest } from "./conversation.js";

export class Answering {
  /**
   * `changed(conversation, message, isEnded)` is called at most once a frame while an answer grows,
   * and once when it has ended.
   */
  constructor(settings, { changed }) {
    this.settings = settings;
    this.changed = changed;
    this.running = new Map(); // by the id of the conversation
  }

  /** The message that is being written there, or null. */
  messageOf(conversation) {
    return this.running.get(conversation?.id)?.message ?? null;
  }

  stop(conversation) {
    this.running.get(conversation?.id)?.abort.abort();
  }

  async start(conversation, message) {
    const run = { conversation, message, abort: new AbortController(), frame: 0 };
    this.running.set(conversation.id, run);
    const clock = { begin: performance.now(), first: 0, last: 0 };
    try {
      await streamChat({
        body: {
          messages: toRequest(conversation, message.parent, this.settings.system),
          ...this.settings.sampling(),
        },
        key: this.settings.key,
        signal: run.abort.signal,
        onPiece: (piece) => this.take(run, piece, clock),
      });
    } catch (error) {
      if (error.name === "AbortError") {
        message.finish = "stopped";
      } else {
        message.error = error instanceof ServerError ? error.message : String(error);
      }
    }
    cancelAnimationFrame(run.frame);
    this.running.delete(conversation.id);
    this.changed(conversation, message, true);
  }

  take(run, piece, clock) {
    const { message } = run;
    if (piece.reasoning || piece.content || piece.calls.length > 0) {
      clock.last = performance.now();
      clock.first ||= clock.last;
      message.reasoning = (message.reasoning ?? "") + piece.reasoning;
      message.content += piece.content;
      if (piece.calls.length > 0) {
        message.calls = addCalls(message.calls ?? [], piece.calls);
      }
    }
    if (piece.finish) {
      message.finish = piece.finish;
    }
    if (piece.usage) {
      message.stats = {
        promptTokens: piece.usage.prompt_tokens,
        cachedTokens: piece.usage.prompt_tokens_details?.cached_tokens ?? 0,
        tokens: piece.usage.completion_tokens,
        firstSeconds: (clock.first - clock.begin) / 1000,
        seconds: (clock.last - clock.first) / 1000,
      };
    }
    run.frame ||= requestAnimationFrame(() => {
      run.frame = 0;
      this.changed(run.conversation, message, false);
    });
  }
}

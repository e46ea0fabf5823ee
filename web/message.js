// SPDX-License-Identifier: Apache-2.0
// One message on the page.

import { CallsView } from "./calls.js";
import { MarkdownView } from "./markdown.js";
import { figures } from "./figures.js";

function button(icon, label, action, keys = "") {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "icon small";
  node.dataset.action = action;
  node.title = keys ? `${label} (${keys})` : label;
  node.setAttribute("aria-label", label);
  node.append(iconNode(icon));
  return node;
}

export function iconNode(name) {
  const kSvg = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(kSvg, "svg");
  const use = document.createElementNS(kSvg, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function div(className, ...children) {
  const node = document.createElement("div");
  node.className = className;
  node.append(...children);
  return node;
}

/** Why an answer ended, where that is worth a word. */
const kEnds = {
  length: "The answer was cut at the most tokens.",
  stopped: "Stopped.",
  content_filter: "The server withheld the rest.",
};

function describe(stats) {
  if (!stats?.tokens) {
    return "";
  }
  const parts = [`${stats.tokens} tokens`];
  // What came in one packet says nothing of speed.
  if (stats.seconds > 0.02 && stats.tokens > 1) {
    parts.push(`${figures((stats.tokens - 1) / stats.seconds)} tokens/s`);
  }
  if (stats.firstSeconds !== undefined) {
    parts.push(`first after ${figures(stats.firstSeconds)} s`);
  }
  if (stats.promptTokens) {
    const share = Math.round((100 * (stats.cachedTokens ?? 0)) / stats.promptTokens);
    parts.push(`prompt ${stats.promptTokens}, ${share} % from the cache`);
  }
  return parts.join(" \u00b7 ");
}

export class MessageView {
  /** `place` is {index, count} among the versions of the message. */
  constructor(message, place) {
    this.element = document.createElement("article");
    this.element.className = `message ${message.role}`;
    this.element.dataset.id = message.id;
    this.element.tabIndex = -1;
    this.element.setAttribute("aria-label", message.role === "user" ? "You" : "Answer");
    this.body = div("body");
    this.tools = div("tools");
    if (message.role === "assistant") {
      this.makeReasoning();
      this.markdown = new MarkdownView(this.body);
    }
    this.note = div("note");
    this.element.append(this.body);
    if (message.role === "assistant") {
      this.calls = new CallsView(div("calls"));
      this.element.append(this.calls.container);
    }
    this.element.append(this.note, this.tools);
    this.place = place;
    this.update(message, false);
  }

  makeReasoning() {
    this.reasoning = document.createElement("details");
    this.reasoning.className = "reasoning";
    this.reasoning.hidden = true;
    this.summary = document.createElement("summary");
    const text = div("reasoning-text");
    this.thoughts = new MarkdownView(text);
    this.reasoning.append(this.summary, text);
    this.element.append(this.reasoning);
  }

  update(message, isStreaming) {
    this.element.classList.toggle("streaming", isStreaming);
    this.element.setAttribute("aria-busy", String(isStreaming));
    if (message.role === "user") {
      this.body.textContent = message.content;
    } else {
      this.markdown.update(message.content);
      this.updateReasoning(message, isStreaming);
      this.calls.update(message.calls ?? [], isStreaming);
      this.element.classList.toggle("waiting", isStreaming && !message.content && !message.calls);
    }
    this.updateNote(message);
    this.updateTools(message, isStreaming);
  }

  updateReasoning(message, isStreaming) {
    this.reasoning.hidden = !message.reasoning;
    const isThinking = isStreaming && !message.content && !message.calls;
    this.summary.textContent = isThinking ? "Thinking" : "Thoughts";
    if (message.reasoning) {
      this.thoughts.update(message.reasoning);
    }
  }

  updateNote(message) {
    this.note.textContent = message.error ?? kEnds[message.finish] ?? "";
    this.note.classList.toggle("error", Boolean(message.error));
    this.note.hidden = !this.note.textContent;
  }

  updateTools(message, isStreaming) {
    this.tools.replaceChildren();
    this.tools.hidden = isStreaming;
    if (isStreaming) {
      return;
    }
    if (message.role === "assistant") {
      const stats = document.createElement("span");
      stats.className = "stats";
      stats.textContent = describe(message.stats);
      this.tools.append(stats);
    }
    if (this.place.count > 1) {
      this.tools.append(this.versions());
    }
    this.tools.append(button("copy", "Copy", "copy"));
    this.tools.append(message.role === "user" ? button("edit", "Edit", "edit", "Alt+E") :
      button("again", "Answer again", "again", "Alt+R"));
  }

  versions() {
    const { index, count } = this.place;
    const older = button("left", "The version before", "older");
    const newer = button("right", "The version after", "newer");
    older.disabled = index === 0;
    newer.disabled = index === count - 1;
    const text = document.createElement("span");
    text.textContent = `${index + 1} / ${count}`;
    const group = document.createElement("span");
    group.className = "versions";
    group.append(older, text, newer);
    return group;
  }

  /** Shows a field to edit the message in; `onDone(text)` gets what was typed, null if nothing. */
  edit(message, onDone) {
    const field = document.createElement("textarea");
    field.value = message.content;
    field.setAttribute("aria-label", "Edit the message");
    const send = document.createElement("button");
    send.textContent = "Send";
    send.className = "primary";
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "quiet";
    cancel.textContent = "Cancel";
    const form = document.createElement("form");
    form.className = "edit";
    form.append(field, div("row", cancel, send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onDone(field.value);
    });
    cancel.addEventListener("click", () => onDone(null));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        onDone(null);
      } else if (event.key === "Enter" && !event.shiftKey && event.target === field &&
                 !event.isComposing) {
        event.preventDefault();
        onDone(field.value);
      }
    });
    this.element.classList.add("editing");
    this.element.replaceChildren(form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Conversations as plain values: a tree of messages, so that an answer that is made again and a
// question that is edited replace nothing. The path from the first message to `leaf` is shown.

import { readCalls, toToolCalls } from "./calls.js";

const newId = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

export function newConversation() {
  const now = Date.now();
  return { id: newId(), title: "", created: now, updated: now, leaf: null, messages: [] };
}

const find = (conversation, id) => conversation.messages.find((each) => each.id === id) ?? null;

/** The messages from the first to the leaf. */
export function path(conversation) {
  const byId = new Map(conversation.messages.map((each) => [each.id, each]));
  const found = [];
  for (let at = byId.get(conversation.leaf); at; at = byId.get(at.parent)) {
    found.push(at);
    byId.delete(at.id); // A file that was imported may hold a circle.
  }
  return found.reverse();
}

/** Adds a message after `parent` (an id or null) and makes it the leaf. Returns it. */
export function append(conversation, parent, fields) {
  const message = { id: newId(), parent, content: "", ...fields };
  conversation.messages.push(message);
  conversation.leaf = message.id;
  conversation.updated = Date.now();
  if (!conversation.title && message.role === "user") {
    conversation.title = message.content.trim().replace(/\s+/g, " ").slice(0, 60);
  }
  return message;
}

/** The versions of a message, itself among them, oldest first. */
export function versions(conversation, message) {
  return conversation.messages.filter((each) => each.parent === message.parent);
}

/** Shows another version of a message and what came after it last. */
export function show(conversation, message) {
  const lastChild = new Map(conversation.messages.map((each) => [each.parent, each]));
  const seen = new Set();
  let leaf = message;
  while (lastChild.has(leaf.id) && !seen.has(leaf.id)) {
    seen.add(leaf.id);
    leaf = lastChild.get(leaf.id);
  }
  conversation.leaf = leaf.id;
}

/** What the server is asked with, for an answer that follows `parent`. */
export function toRequest(conversation, parent, system) {
  const upTo = path({ ...conversation, leaf: parent });
  const messages = upTo
    .map(({ role, content, calls }) => ({ role, content, tool_calls: toToolCalls(calls) }))
    .filter((each) => each.role === "user" || each.content || each.tool_calls.length > 0)
    .map(({ tool_calls, ...each }) => (tool_calls.length > 0 ? { ...each, tool_calls } : each));
  return system.trim() ? [{ role: "system", content: system }, ...messages] : messages;
}

const isMessage = (value) =>
  value !== null && typeof value === "object" &&
  typeof value.id === "string" && (value.parent === null || typeof value.parent === "string") &&
  (value.role === "user" || value.role === "assistant") && typeof value.content === "string";

const finite = (value) => (Number.isFinite(value) ? value : undefined);

function readMessage(value) {
  const message = { id: value.id, parent: value.parent, role: value.role, content: value.content };
  if (typeof value.reasoning === "string") message.reasoning = value.reasoning;
  if (Array.isArray(value.calls)) message.calls = readCalls(value.calls);
  if (typeof value.error === "string") message.error = value.error;
  if (typeof value.finish === "string") message.finish = value.finish;
  if (value.stats !== null && typeof value.stats === "object") {
    const { promptTokens, cachedTokens, tokens, seconds, firstSeconds } = value.stats;
    message.stats = {
      promptTokens: finite(promptTokens), cachedTokens: finite(cachedTokens),
      tokens: finite(tokens), seconds: finite(seconds), firstSeconds: finite(firstSeconds),
    };
  }
  return message;
}

/** Conversations out of an exported file. Throws an Error that says what is wrong with it. */
export function readExport(text) {
  const file = JSON.parse(text);
  if (!Array.isArray(file?.conversations)) {
    throw new Error("expected a list of conversations");
  }
  return file.conversations.map((each, index) => {
    if (typeof each?.id !== "string" || !Array.isArray(each.messages) ||
        !each.messages.every(isMessage)) {
      throw new Error(`conversation ${index + 1} is not one`);
    }
    const messages = each.messages.map(readMessage);
    const leaf = find({ messages }, each.leaf)?.id ?? messages.at(-1)?.id ?? null;
    return {
      id: each.id, title: String(each.title ?? "").slice(0, 200),
      created: finite(each.created) ?? Date.now(), updated: finite(each.updated) ?? Date.now(),
      leaf, messages,
    };
  });
}

export function writeExport(conversations) {
  return JSON.stringify({ format: "minimax-conversations", version: 1, conversations }, null, 1);
}

// SPDX-License-Identifier: Apache-2.0
// The chat page: what is shown, and what happens when something is pressed.

import { getJson } from "./api.js";
import { Answering } from "./answering.js";
import {
  append, newConversation, path, readExport, show, versions, writeExport,
} from "./conversation.js";
import { MessageView } from "./message.js";
import { Monitor } from "./monitor.js";
import { Panels } from "./panels.js";
import { Settings } from "./settings.js";
import { Sidebar } from "./sidebar.js";
import { keep, openStore, recall } from "./store.js";

const at = (id) => document.getElementById(id);

const kIsMac = /^(?:Mac|iP)/.test(navigator.platform);

const kThemes = ["", "light", "dark"];
const kThemeNames = { "": "as the system", light: "light", dark: "dark" };

class App {
  constructor(store) {
    this.store = store;
    this.conversations = [];
    this.views = new Map();
    this.settings = new Settings(at("settings-form"), () => this.connect());
    this.monitor = new Monitor(at("monitor"), () => this.settings.key);
    this.panels = new Panels(() => this.monitor.wake());
    this.answering = new Answering(this.settings, {
      changed: (conversation, message, isEnded) => this.answerChanged(conversation, message, isEnded),
    });
    this.sidebar = new Sidebar(at("conversations"), {
      open: (id) => this.open(id),
      rename: (id, title) => this.rename(id, title),
      remove: (id) => this.remove(id),
    });
  }

  async start() {
    this.conversations = await this.store.all();
    this.listen();
    this.showTheme();
    const last = recall(localStorage, "current");
    this.open(this.conversations.some((each) => each.id === last) ? last : null, false);
    if (!this.store.isKept) {
      this.toast("This browser keeps nothing for this page: conversations end with the tab.");
    }
    this.panels.start();
    this.monitor.wake();
    await this.connect();
  }

  async connect() {
    try {
      const props = await getJson("props", this.settings.key);
      at("model").textContent = props.model_alias;
      at("model").title = `${props.model_alias}, ${props.default_generation_settings.n_ctx} tokens`;
      at("model").hidden = false;
      this.settings.showDefaults(props.default_generation_settings.params);
      this.hideToast();
    } catch (error) {
      this.toast(error.message);
      if (error.status === 503) {
        setTimeout(() => this.connect(), 2000);
      } else if (error.status === 401) {
        this.panels.show("settings");
      }
    }
  }

  // What is shown.

  open(id, moveFocus = true) {
    this.conversation = this.conversations.find((each) => each.id === id) ?? newConversation();
    keep(localStorage, "current", id);
    this.render();
    this.toBottom();
    this.panels.closeOnPhone("sidebar");
    if (moveFocus) {
      at("prompt").focus();
    }
  }

  render() {
    const { conversation } = this;
    const running = this.answering.messageOf(conversation);
    this.views.clear();
    at("messages").replaceChildren(...path(conversation).map((message) => {
      const all = versions(conversation, message);
      const view = new MessageView(message, { index: all.indexOf(message), count: all.length });
      view.update(message, message === running);
      this.views.set(message.id, view);
      return view.element;
    }));
    at("empty").hidden = conversation.messages.length > 0;
    at("title").textContent = conversation.title || "New conversation";
    document.title = conversation.title ? `${conversation.title} \u00b7 minimax` : "minimax";
    this.showSidebar();
    this.showSendButton();
  }

  showSidebar() {
    this.sidebar.show(this.conversations, this.conversation.id);
  }

  showSendButton() {
    const isAnswering = this.answering.messageOf(this.conversation) !== null;
    const button = at("send");
    button.querySelector("use").setAttribute("href", isAnswering ? "#i-stop" : "#i-send");
    button.setAttribute("aria-label", isAnswering ? "Stop" : "Send");
    button.title = isAnswering ? "Stop (Esc)" : "Send (Enter)";
    button.classList.toggle("stop", isAnswering);
    button.disabled = !isAnswering && at("prompt").value.trim() === "";
  }

  showTheme() {
    const theme = recall(localStorage, "theme") ?? "";
    const label = `Colours: ${kThemeNames[theme] ?? kThemeNames[""]}`;
    at("theme").setAttribute("aria-label", label);
    at("theme").title = label;
    if (theme) {
      document.documentElement.dataset.theme = theme;
    } else {
      delete document.documentElement.dataset.theme;
    }
    this.monitor.draw();
  }

  toast(text) {
    at("toast").textContent = text;
    at("toast").hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => this.hideToast(), 12000);
  }

  hideToast() {
    at("toast").hidden = true;
  }

  say(text) {
    at("status").textContent = text;
  }

  // What is kept.

  async save(conversation) {
    if (!this.conversations.includes(conversation)) {
      this.conversations.push(conversation);
      keep(localStorage, "current", conversation.id);
    }
    try {
      await this.store.put(conversation);
    } catch {
      this.toast("The browser has no room for this conversation. Export what you need.");
    }
  }

  // The tab may be closed before the answers end.
  saveRunning() {
    if (document.visibilityState === "hidden") {
      this.conversations.filter((each) => this.answering.messageOf(each))
        .forEach((each) => this.save(each));
    }
  }

  async rename(id, title) {
    const conversation = this.conversations.find((each) => each.id === id);
    conversation.title = title || conversation.title;
    await this.save(conversation);
    this.render();
  }

  async remove(id) {
    const conversation = this.conversations.find((each) => each.id === id);
    if (!(await this.ask(`Delete \u201c${conversation.title || "New conversation"}\u201d?`))) {
      return;
    }
    this.answering.stop(conversation);
    this.conversations = this.conversations.filter((each) => each !== conversation);
    await this.store.remove(id);
    if (conversation === this.conversation) {
      this.open(null);
    } else {
      this.showSidebar();
    }
  }

  ask(text) {
    const dialog = at("confirm");
    at("confirm-text").textContent = text;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }

  exportAll() {
    const file = new Blob([writeExport(this.conversations)], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `minimax-${new Date().toISOString().slice(0, 10)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.say(`Exported ${this.conversations.length} conversations`);
  }

  async importFile(file) {
    try {
      const read = readExport(await file.text());
      for (const conversation of read) {
        this.answering.stop(this.conversations.find((each) => each.id === conversation.id));
        this.conversations = this.conversations.filter((each) => each.id !== conversation.id);
        await this.save(conversation);
      }
      this.open(read.at(-1)?.id ?? null);
      this.say(`Imported ${read.length} conversations`);
    } catch (error) {
      this.toast(`${file.name}: ${error.message}`);
    }
  }

  // Questions and answers.

  submit() {
    const { conversation } = this;
    if (this.answering.messageOf(conversation)) {
      this.answering.stop(conversation);
      return;
    }
    const text = at("prompt").value.trim();
    if (text) {
      at("prompt").value = "";
      this.fitPrompt();
      this.send(conversation, path(conversation).at(-1)?.id ?? null, text);
    }
  }

  send(conversation, parent, text) {
    const question = append(conversation, parent, { role: "user", content: text });
    this.answer(conversation, question);
  }

  answer(conversation, question) {
    const message = append(conversation, question.id, { role: "assistant" });
    this.answering.start(conversation, message);
    this.save(conversation);
    this.render();
    this.toBottom();
    this.say("The answer begins");
  }

  // Another answer to the question before `message`, or the last one.
  again(message = path(this.conversation).at(-1)) {
    const all = path(this.conversation);
    const question = message?.role === "user" ? message :
      all.find((each) => each.id === message?.parent);
    if (question && !this.answering.messageOf(this.conversation)) {
      this.answer(this.conversation, question);
    }
  }

  edit(message = path(this.conversation).findLast((each) => each.role === "user")) {
    const { conversation } = this;
    if (!message || this.answering.messageOf(conversation)) {
      return;
    }
    this.views.get(message.id).edit(message, (text) => {
      if (text?.trim() && text !== message.content) {
        this.send(conversation, message.parent, text.trim());
      } else {
        this.render();
      }
      at("prompt").focus();
    });
  }

  answerChanged(conversation, message, isEnded) {
    if (isEnded) {
      this.save(conversation);
      this.showSidebar();
    }
    if (conversation === this.conversation) {
      const wasAtBottom = this.isAtBottom();
      this.views.get(message.id)?.update(message, !isEnded);
      if (wasAtBottom) {
        this.toBottom();
      }
      this.showLatest();
    }
    if (isEnded) {
      this.showSendButton();
      const calls = (message.calls ?? []).map((call) => `calls ${call.name}`).join(", ");
      this.say(message.error ? `Error: ${message.error}` : `Answer: ${message.content} ${calls}`);
    }
  }

  async act(button) {
    const element = button.closest("article");
    const message = this.conversation.messages.find((each) => each.id === element.dataset.id);
    const { action } = button.dataset;
    if (action === "copy") {
      await this.copy(message.content, button);
    } else if (action === "edit") {
      this.edit(message);
    } else if (action === "again") {
      this.again(message);
    } else if (!this.answering.messageOf(this.conversation)) {
      const all = versions(this.conversation, message);
      const other = all[all.indexOf(message) + (action === "older" ? -1 : 1)];
      show(this.conversation, other);
      await this.save(this.conversation);
      this.render();
      const tools = this.views.get(other.id).element;
      (tools.querySelector(`[data-action=${action}]:enabled`) ??
       tools.querySelector(".versions button:enabled"))?.focus();
    }
  }

  async copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1500);
      this.say("Copied");
    } catch {
      this.toast("The browser does not let this page copy: select the text instead.");
    }
  }

  // Scrolling and typing.

  isAtBottom() {
    const scroll = at("scroll");
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  }

  toBottom() {
    const scroll = at("scroll");
    scroll.scrollTop = scroll.scrollHeight;
    this.showLatest();
  }

  showLatest() {
    at("latest").hidden = this.isAtBottom();
  }

  fitPrompt() {
    const field = at("prompt");
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    this.showSendButton();
  }

  listen() {
    at("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    at("prompt").addEventListener("input", () => this.fitPrompt());
    at("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        if (!this.answering.messageOf(this.conversation)) {
          this.submit();
        }
      }
    });
    at("messages").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.action) {
        this.act(button);
      } else if (button?.classList.contains("copy")) {
        this.copy(button.closest(".code").querySelector("code").textContent, button);
      }
    });
    at("scroll").addEventListener("scroll", () => this.showLatest(), { passive: true });
    at("latest").addEventListener("click", () => this.toBottom());
    at("new").addEventListener("click", () => this.open(null));
    at("export").addEventListener("click", () => this.exportAll());
    at("import").addEventListener("click", () => at("import-file").click());
    at("import-file").addEventListener("change", async (event) => {
      const [file] = event.target.files;
      if (file) {
        await this.importFile(file);
        event.target.value = "";
      }
    });
    at("theme").addEventListener("click", () => this.nextTheme());
    at("keys").addEventListener("click", () => at("shortcuts").showModal());
    document.addEventListener("keydown", (event) => this.shortcut(event));
    document.addEventListener("visibilitychange", () => this.saveRunning());
    for (const key of kIsMac ? document.querySelectorAll("#shortcuts kbd") : []) {
      key.textContent = key.textContent.replace("Alt", "Control Option");
    }
  }

  nextTheme() {
    const index = kThemes.indexOf(recall(localStorage, "theme") ?? "");
    keep(localStorage, "theme", kThemes[(index + 1) % kThemes.length]);
    this.showTheme();
  }

  shortcut(event) {
    const isTyping = /^(?:INPUT|TEXTAREA)$/.test(event.target.tagName);
    const hasDialog = document.querySelector("dialog[open]") !== null;
    // Alt alone types letters on a Mac.
    const hasModifiers = event.altKey && !event.metaKey && event.ctrlKey === kIsMac;
    const withAlt = {
      KeyN: () => this.open(null), KeyR: () => this.again(), KeyE: () => this.edit(),
      KeyL: () => this.panels.toggle("sidebar"), KeyS: () => this.panels.toggle("settings"),
      KeyV: () => this.panels.toggle("monitor"),
    };
    const plain = { "/": () => at("prompt").focus(), "?": () => at("shortcuts").showModal() };
    let action = null;
    if (hasModifiers) {
      action = withAlt[event.code];
    } else if (event.key === "Escape") {
      action = () => this.escape();
    } else if (!isTyping && !event.ctrlKey && !event.metaKey) {
      action = plain[event.key];
    }
    if (action && !hasDialog) {
      event.preventDefault();
      action();
    }
  }

  escape() {
    if (this.answering.messageOf(this.conversation)) {
      this.answering.stop(this.conversation);
    } else if (this.panels.closeTop()) {
      at("prompt").focus();
    }
  }
}

await new App(await openStore()).start();

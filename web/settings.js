// SPDX-License-Identifier: Apache-2.0
// The system prompt, the sampling and the key. All but the key stay in the browser.

import { keep, recall } from "./store.js";

const kNumbers = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed"];
const kTexts = ["system", "stop", "tools"];

/** The tools of a list in JSON, or null where it is none. */
function readTools(text) {
  try {
    const tools = JSON.parse(text.trim() || "[]");
    return Array.isArray(tools) ? tools : null;
  } catch {
    return null;
  }
}

export class Settings {
  constructor(form, onKey) {
    this.form = form;
    this.load();
    form.addEventListener("input", (event) => {
      this.save();
      this.checkTools();
      if (event.target.name === "key") {
        onKey();
      }
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.clear();
    });
  }

  field(name) {
    return this.form.elements.namedItem(name);
  }

  get key() {
    return this.field("key").value;
  }

  get system() {
    return this.field("system").value;
  }

  load() {
    this.field("key").value = recall(sessionStorage, "key") ?? "";
    let kept = {};
    try {
      kept = JSON.parse(recall(localStorage, "settings") ?? "{}") ?? {};
    } catch {
      // Whatever it was, it is not ours.
    }
    for (const name of [...kNumbers, ...kTexts]) {
      this.field(name).value = typeof kept[name] === "string" ? kept[name] : "";
    }
    this.checkTools();
  }

  save() {
    keep(sessionStorage, "key", this.key);
    const values = [...kNumbers, ...kTexts].map((name) => [name, this.field(name).value]);
    keep(localStorage, "settings", JSON.stringify(Object.fromEntries(values)));
  }

  clear() {
    for (const name of [...kNumbers, ...kTexts]) {
      this.field(name).value = "";
    }
    this.checkTools();
    this.save();
  }

  checkTools() {
    const isWrong = readTools(this.field("tools").value) === null;
    this.field("tools").setAttribute("aria-invalid", String(isWrong));
    this.form.querySelector("#tools-note").hidden = !isWrong;
  }

  /** The fields of a request. What is empty, or no number, is left to the server. */
  sampling() {
    const fields = {};
    for (const name of kNumbers) {
      const { value } = this.field(name);
      if (value.trim() !== "" && Number.isFinite(Number(value))) {
        fields[name] = Number(value);
      }
    }
    const stop = this.field("stop").value.split("\n").filter((line) => line !== "");
    const tools = readTools(this.field("tools").value) ?? [];
    return {
      ...fields, ...(stop.length > 0 && { stop }), ...(tools.length > 0 && { tools }),
    };
  }

  /** Shows what the server takes where nothing is set. */
  showDefaults(params) {
    for (const name of ["temperature", "top_p", "top_k", "min_p"]) {
      if (Number.isFinite(params?.[name])) {
        this.field(name).placeholder = String(params[name]);
      }
    }
  }
}

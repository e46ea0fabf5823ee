// SPDX-License-Identifier: Apache-2.0
// The system prompt, the sampling and the key. All but the key stay in the browser.

import { keep, recall } from "./store.js";

const kNumbers = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed"];

export class Settings {
  constructor(form, onKey) {
    this.form = form;
    this.load();
    form.addEventListener("input", (event) => {
      this.save();
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
    for (const name of [...kNumbers, "system", "stop"]) {
      this.field(name).value = typeof kept[name] === "string" ? kept[name] : "";
    }
  }

  save() {
    keep(sessionStorage, "key", this.key);
    const values = [...kNumbers, "system", "stop"].map((name) => [name, this.field(name).value]);
    keep(localStorage, "settings", JSON.stringify(Object.fromEntries(values)));
  }

  clear() {
    for (const name of [...kNumbers, "system", "stop"]) {
      this.field(name).value = "";
    }
    this.save();
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
    return stop.length > 0 ? { ...fields, stop } : fields;
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

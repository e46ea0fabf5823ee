// SPDX-License-Identifier: Apache-2.0
// The panels at the sides. On a phone one lies above the page, and is closed by a tap beside it.

import { keep, recall } from "./store.js";

const kRight = ["settings", "monitor"];
const kAll = ["sidebar", ...kRight];
const at = (id) => document.getElementById(id);
const phone = matchMedia("(max-width: 760px)");
const narrow = matchMedia("(max-width: 1100px)");

export class Panels {
  constructor(onChange) {
    this.onChange = onChange;
    this.opener = null;
  }

  start() {
    const kept = (recall(localStorage, "panels") ?? "sidebar").split(" ");
    for (const id of kAll) {
      this.set(id, kept.includes(id) && !(id === "sidebar" ? phone : narrow).matches);
    }
    for (const button of document.querySelectorAll("[data-toggle]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.toggle));
    }
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.close));
    }
    document.querySelector("main").addEventListener("click", (event) => {
      const open = kAll.find((id) => !at(id).hidden);
      if (phone.matches && open && !event.target.closest("[data-toggle]")) {
        this.hide(open);
      }
    });
    phone.addEventListener("change", () => phone.matches && kAll.forEach((id) => this.set(id, false)));
  }

  set(id, isOpen) {
    at(id).hidden = !isOpen;
    document.body.classList.toggle(`has-${id}`, isOpen);
    document.body.classList.toggle("has-panel", kAll.some((each) => !at(each).hidden));
    document.querySelector(`[data-toggle=${id}]`).setAttribute("aria-expanded", String(isOpen));
  }

  show(id) {
    const others = phone.matches ? kAll : kRight.includes(id) ? kRight : [];
    others.filter((each) => each !== id).forEach((each) => this.set(each, false));
    this.set(id, true);
    this.remember();
  }

  hide(id) {
    this.set(id, false);
    this.remember();
  }

  remember() {
    if (!phone.matches) {
      keep(localStorage, "panels", kAll.filter((id) => !at(id).hidden).join(" ") || "none");
    }
    this.onChange();
  }

  toggle(id) {
    if (at(id).hidden) {
      this.show(id);
      (at(id).querySelector(".pane textarea, #new") ?? at(id).querySelector("button")).focus();
    } else {
      this.hide(id);
      document.querySelector(`[data-toggle=${id}]`).focus();
    }
  }

  closeOnPhone(id) {
    if (phone.matches && !at(id).hidden) {
      this.hide(id);
    }
  }

  /** Closes what lies on top. Returns whether there was something. */
  closeTop() {
    const open = (phone.matches ? kAll : kRight).find((id) => !at(id).hidden);
    if (open) {
      this.hide(open);
    }
    return open !== undefined;
  }
}

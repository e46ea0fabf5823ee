// SPDX-License-Identifier: Apache-2.0
// The list of conversations.

import { iconNode } from "./message.js";

function smallButton(icon, label, onClick) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "icon small";
  node.title = label;
  node.setAttribute("aria-label", label);
  node.append(iconNode(icon));
  node.addEventListener("click", onClick);
  return node;
}

export class Sidebar {
  /** `actions` is {open(id), rename(id, title), remove(id)}. */
  constructor(list, actions) {
    this.list = list;
    this.actions = actions;
  }

  show(conversations, currentId) {
    if (this.list.querySelector("input")) {
      return; // A title is being typed; its end shows the list again.
    }
    const sorted = [...conversations].sort((a, b) => b.updated - a.updated);
    this.list.replaceChildren(...sorted.map((each) => this.item(each, each.id === currentId)));
  }

  item(conversation, isCurrent) {
    const title = conversation.title || "New conversation";
    const open = document.createElement("button");
    open.type = "button";
    open.className = "open";
    open.textContent = title;
    if (isCurrent) {
      open.setAttribute("aria-current", "true");
    }
    open.addEventListener("click", () => this.actions.open(conversation.id));
    const item = document.createElement("li");
    item.dataset.id = conversation.id;
    item.append(
      open,
      smallButton("edit", `Rename ${title}`, () => this.rename(item, conversation)),
      smallButton("delete", `Delete ${title}`, () => this.actions.remove(conversation.id)),
    );
    return item;
  }

  rename(item, conversation) {
    const field = document.createElement("input");
    field.value = conversation.title;
    field.maxLength = 200;
    field.setAttribute("aria-label", "Title");
    let isDone = false;
    const finish = (title) => {
      if (!isDone) {
        isDone = true;
        field.remove();
        this.actions.rename(conversation.id, title);
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        finish(field.value.trim());
      } else if (event.key === "Escape") {
        event.stopPropagation();
        finish(conversation.title);
      }
    });
    field.addEventListener("blur", () => finish(field.value.trim()));
    item.replaceChildren(field);
    field.focus();
    field.select();
  }
}

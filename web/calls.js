// SPDX-License-Identifier: Apache-2.0
// The tools that an answer calls: [{id, name, arguments}], the arguments as the model wrote them.

const textOf = (value) => (typeof value === "string" ? value : "");

/** The calls with what a piece of a stream adds to them. */
export function addCalls(calls, deltas) {
  const grown = calls.map((call) => ({ ...call }));
  for (const { index, id, function: called } of deltas) {
    if (!Number.isInteger(index) || index < 0 || index > grown.length) {
      continue; // A call that comes before the one that it follows is none.
    }
    grown[index] ??= { id: textOf(id), name: "", arguments: "" };
    grown[index].name += textOf(called?.name);
    grown[index].arguments += textOf(called?.arguments);
  }
  return grown;
}

/** The calls in a file that was imported. */
export function readCalls(value) {
  return value.filter((each) => each !== null && typeof each === "object").map((each) =>
    ({ id: textOf(each.id), name: textOf(each.name), arguments: textOf(each.arguments) }));
}

function parsed(call) {
  try {
    return JSON.parse(call.arguments);
  } catch {
    return undefined; // It was cut off, or the model made a mistake.
  }
}

/** The calls as a request repeats them. Those that no server could read are left out. */
export function toToolCalls(calls) {
  const isObject = (value) =>
    value !== null && typeof value === "object" && !Array.isArray(value);
  return (calls ?? []).filter((call) => call.name && isObject(parsed(call))).map((call) => ({
    id: call.id, type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
}

/** Shows calls, folded away, below what an answer says. */
export class CallsView {
  constructor(container) {
    this.container = container;
  }

  update(calls, isStreaming) {
    this.container.hidden = calls.length === 0;
    while (this.container.children.length > calls.length) {
      this.container.lastChild.remove();
    }
    calls.forEach((call, index) => {
      const isGrowing = isStreaming && index === calls.length - 1;
      this.show(call, isGrowing, this.container.children[index] ?? this.add());
    });
  }

  add() {
    const node = document.createElement("details");
    node.className = "call";
    const summary = document.createElement("summary");
    const name = document.createElement("code");
    summary.append("", name);
    const pre = document.createElement("pre");
    pre.tabIndex = 0;
    node.append(summary, pre);
    this.container.append(node);
    return node;
  }

  show(call, isGrowing, node) {
    const [summary, pre] = node.children;
    summary.firstChild.data = isGrowing ? "Calling " : "Called ";
    summary.lastChild.textContent = call.name;
    const value = isGrowing ? undefined : parsed(call);
    const text = value === undefined ? call.arguments : JSON.stringify(value, null, 2);
    if (pre.textContent !== text) {
      pre.textContent = text;
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// Markdown to DOM nodes, the blocks of it. Text only ever becomes text nodes, never markup. Takes
// time linear in the length of the text: lists and quotes nest so deep and no deeper.

import { renderInline } from "./inline.js";

const kDepth = 8;

const kFence = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const kHeading = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/;
const kRule = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const kQuote = /^ {0,3}> ?/;
const kItem = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)/;

const isBlank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;

function isTableAt(lines, at) {
  if (!lines[at].includes("|") || at + 1 >= lines.length || !/^[-:| \t]+$/.test(lines[at + 1])) {
    return false;
  }
  const rule = cells(lines[at + 1]);
  return rule.length === cells(lines[at]).length && rule.every((cell) => /^:?-+:?$/.test(cell));
}

function startsBlock(lines, at) {
  const line = lines[at];
  return kFence.test(line) || kHeading.test(line) || kRule.test(line) || kQuote.test(line) ||
    /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/.test(line);
}

function readFence(lines, from, fence) {
  const marker = fence[1];
  const indent = indentOf(lines[from]);
  const code = [];
  let at = from + 1;
  for (; at < lines.length; ++at) {
    const text = lines[at].trim();
    if (text.length >= marker.length && text === marker[0].repeat(text.length)) {
      break;
    }
    code.push(lines[at].slice(Math.min(indent, indentOf(lines[at]))));
  }
  const language = fence[2].trim().split(/\s/)[0].slice(0, 40);
  return { kind: "code", language, text: code.join("\n"), to: Math.min(at + 1, lines.length) };
}

function readQuote(lines, from) {
  const inner = [];
  let at = from;
  for (; at < lines.length; ++at) {
    if (kQuote.test(lines[at])) {
      inner.push(lines[at].replace(kQuote, ""));
    } else if (isBlank(lines[at]) || startsBlock(lines, at)) {
      break;
    } else {
      inner.push(lines[at]);
    }
  }
  return { kind: "quote", lines: inner, to: at };
}

// One item of a list: its lines without their indent, and where the next line is.
function readItem(lines, from, marker) {
  const after = marker[3].length > 4 || marker[3] === "" ? 1 : marker[3].length;
  const indent = marker[1].length + marker[2].length + after;
  const inner = [lines[from].slice(indent)];
  let at = from + 1;
  let isAfterBlank = false;
  for (; at < lines.length; ++at) {
    const line = lines[at];
    const isInside = indentOf(line) >= Math.min(indent, 2 + marker[1].length);
    if (isBlank(line)) {
      isAfterBlank = true;
      inner.push("");
      continue;
    }
    if (!isInside && (isAfterBlank || startsBlock(lines, at) || kItem.test(line))) {
      break;
    }
    inner.push(line.slice(Math.min(indent, indentOf(line))));
    isAfterBlank = false;
  }
  while (inner.length > 1 && inner.at(-1) === "") {
    inner.pop();
  }
  return { lines: inner, to: at, isAfterBlank };
}

function readList(lines, from, first) {
  const isOrdered = first[2].length > 1;
  const kindOf = (marker) => marker[2].at(-1);
  const list = { kind: "list", isOrdered, start: Number.parseInt(first[2], 10), items: [] };
  let isLoose = false;
  let wasAfterBlank = false;
  let at = from;
  while (at < lines.length) {
    const marker = kItem.exec(lines[at]);
    if (!marker || kindOf(marker) !== kindOf(first) || kRule.test(lines[at])) {
      break;
    }
    isLoose ||= wasAfterBlank;
    const item = readItem(lines, at, marker);
    list.items.push(item.lines);
    at = item.to;
    wasAfterBlank = item.isAfterBlank;
    isLoose ||= item.lines.includes("");
  }
  return { ...list, isLoose, to: at };
}

/** The cells of a row of a table, which bars part that no backslash escapes. */
function cells(line) {
  const text = line.trim().replace(/^\|/, "");
  const found = [];
  let cell = "";
  for (let i = 0; i < text.length; ++i) {
    if (text[i] === "\\" && text[i + 1] === "|") {
      cell += "|";
      ++i;
    } else if (text[i] === "|") {
      found.push(cell.trim());
      cell = "";
    } else {
      cell += text[i];
    }
  }
  if (cell.trim() !== "") {
    found.push(cell.trim());
  }
  return found;
}

function readTable(lines, from) {
  const align = cells(lines[from + 1]).map((cell) => {
    const isRight = cell.endsWith(":");
    return cell.startsWith(":") ? (isRight ? "center" : "left") : isRight ? "right" : "";
  });
  let at = from + 2;
  const rows = [];
  while (at < lines.length && lines[at].includes("|") && !isBlank(lines[at])) {
    rows.push(cells(lines[at++]).slice(0, align.length));
  }
  return { kind: "table", align, head: cells(lines[from]), rows, to: at };
}

function readParagraph(lines, from) {
  let at = from + 1;
  while (at < lines.length && !isBlank(lines[at]) && !startsBlock(lines, at) &&
         !isTableAt(lines, at)) {
    ++at;
  }
  const text = lines.slice(from, at).map((line) => line.trimStart()).join("\n");
  return { kind: "paragraph", text, to: at };
}

function readIndented(lines, from) {
  let at = from;
  while (at < lines.length && (isBlank(lines[at]) || /^(?: {4}|\t)/.test(lines[at]))) {
    ++at;
  }
  const text = lines.slice(from, at).map((line) => line.replace(/^(?: {4}|\t)/, "")).join("\n");
  return { kind: "code", language: "", text: text.trimEnd(), to: at };
}

// "# Title #" is the same as "# Title".
function withoutClosing(text) {
  let end = text.length;
  while (end > 0 && text[end - 1] === "#") {
    --end;
  }
  return end === 0 || text[end - 1] === " " ? text.slice(0, end).trimEnd() : text;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = kFence.exec(line);
  if (fence && !(fence[1][0] === "`" && fence[2].includes("`"))) {
    return readFence(lines, at, fence);
  }
  if (/^(?: {4}|\t)/.test(line)) {
    return readIndented(lines, at);
  }
  const heading = kHeading.exec(line);
  if (heading) {
    const text = withoutClosing((heading[2] ?? "").trim());
    return { kind: "heading", level: heading[1].length, text, to: at + 1 };
  }
  if (kRule.test(line)) {
    return { kind: "rule", to: at + 1 };
  }
  if (depth < kDepth && kQuote.test(line)) {
    return readQuote(lines, at);
  }
  const marker = depth < kDepth ? kItem.exec(line) : null;
  if (marker) {
    return readList(lines, at, marker);
  }
  return isTableAt(lines, at) ? readTable(lines, at) : readParagraph(lines, at);
}

/** The blocks of some lines: [{kind, from, to, ...}], `to` the line after the last. */
export function readBlocks(lines, depth = 0) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      ++at;
      continue;
    }
    const block = readBlock(lines, at, depth);
    blocks.push({ ...block, from: at });
    at = block.to;
  }
  return blocks;
}

const element = (name, properties = {}, children = []) => {
  const node = document.createElement(name);
  Object.assign(node, properties);
  for (const child of children) {
    node.append(child);
  }
  return node;
};

function codeNode(block) {
  const code = element("code", { textContent: block.text });
  const button = element("button", { type: "button", className: "quiet copy", textContent: "Copy" });
  button.setAttribute("aria-label", "Copy the code");
  const label = block.language || "text";
  const pre = element("pre", { tabIndex: 0 }, [code]);
  pre.setAttribute("aria-label", `Code: ${label}`);
  return element("div", { className: "code" }, [
    element("div", { className: "code-bar" }, [
      element("span", { textContent: label }), button,
    ]),
    pre,
  ]);
}

function tableNode(block) {
  const row = (name, texts) => element("tr", {}, texts.map((text, column) => {
    const cell = element(name, {}, [renderInline(text)]);
    if (block.align[column]) {
      cell.classList.add(`to-${block.align[column]}`);
    }
    return cell;
  }));
  const table = element("table", {}, [
    element("thead", {}, [row("th", block.head)]),
    element("tbody", {}, block.rows.map((texts) => row("td", texts))),
  ]);
  const frame = element("div", { className: "table", tabIndex: 0 }, [table]);
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Table");
  return frame;
}

function listNode(block, depth) {
  const list = element(block.isOrdered ? "ol" : "ul");
  if (block.isOrdered && block.start !== 1) {
    list.start = block.start;
  }
  for (const lines of block.items) {
    const item = element("li");
    for (const inner of readBlocks(lines, depth + 1)) {
      const isPlain = inner.kind === "paragraph" && !block.isLoose;
      item.append(isPlain ? renderInline(inner.text) : blockNode(inner, depth + 1));
    }
    list.append(item);
  }
  return list;
}

function blockNode(block, depth) {
  switch (block.kind) {
    case "code":
      return codeNode(block);
    case "heading":
      // The page has headings of its own above these.
      return element(`h${Math.min(block.level + 2, 6)}`, { className: `level-${block.level}` },
                     [renderInline(block.text)]);
    case "rule":
      return element("hr");
    case "quote":
      return element("blockquote", {}, readBlocks(block.lines, depth + 1)
        .map((inner) => blockNode(inner, depth + 1)));
    case "list":
      return listNode(block, depth);
    case "table":
      return tableNode(block);
    default:
      return element("p", {}, [renderInline(block.text)]);
  }
}

/**
 * Shows Markdown that grows in `container`, a `div` of its own: blocks that did not change stay, so
 * that a selection in them does, too.
 */
export class MarkdownView {
  constructor(container) {
    this.container = container;
    this.shown = [];
  }

  update(text) {
    const lines = text.replace(/\r\n?/g, "\n").split("\n");
    const sources = readBlocks(lines).map((block) =>
      ({ block, source: lines.slice(block.from, block.to).join("\n") }));
    let same = 0;
    while (same < sources.length && same < this.shown.length &&
           sources[same].source === this.shown[same].source) {
      sources[same] = this.shown[same];
      ++same;
    }
    this.shown.slice(same).forEach(({ node }) => node.remove());
    for (const each of sources.slice(same)) {
      each.node = blockNode(each.block, 0);
      this.container.append(each.node);
    }
    this.shown = sources;
  }
}

// SPDX-License-Identifier: Apache-2.0
// The live view of the server: asks /metrics and /slots every second while it is seen, and draws
// the last two minutes.

import { getJson, getText } from "./api.js";
import { bytes, figures } from "./figures.js";

const kSamples = 120;
const kPeriod = 1000;

/** The sums of the metrics by name, without their labels. Histograms are left out. */
export function readMetrics(text) {
  const sums = new Map();
  for (const line of text.split("\n")) {
    const end = line.search(/[{ ]/);
    const space = line.lastIndexOf(" ");
    const value = Number(line.slice(space + 1));
    if (end > 0 && line[0] !== "#" && Number.isFinite(value)) {
      const name = line.slice(0, end);
      sums.set(name, (sums.get(name) ?? 0) + value);
    }
  }
  return sums;
}

function sampleOf(metrics, slots) {
  const get = (name) => metrics.get(`minimax_${name}`) ?? 0;
  return {
    running: get("sequences_running"),
    waiting: get("requests_waiting"),
    generated: get("generated_tokens_per_second"),
    read: get("prompt_tokens_per_second"),
    slotCount: get("slots"),
    kvBytes: get("kv_bytes"),
    kvRatio: get("kv_usage_ratio"),
    snapshots: get("snapshots"),
    snapshotBytes: get("snapshot_bytes"),
    promptTokens: get("prompt_tokens_total"),
    cachedTokens: get("prompt_tokens_cached_total"),
    generatedTokens: get("generation_tokens_total"),
    slots: Array.isArray(slots) ? slots : [],
  };
}

/** The next of 1, 2, 5, 10, 20, ... that is at least `value`. */
export function niceMaximum(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= value) ?? 10 * power;
}

// A canvas as sharp as the screen, with the colours of the page.
class Drawing {
  constructor(canvas) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = window.devicePixelRatio || 1;
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
      [canvas.width, canvas.height] = pixels;
    }
    this.width = width;
    this.height = height;
    this.context = canvas.getContext("2d");
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colour = (selector) =>
      getComputedStyle(canvas.closest("aside").querySelector(selector)).color;
    this.accent = colour(".accent");
    this.second = colour(".second");
    this.text = style.color;
    this.line = style.borderTopColor;
    this.context.font = `11px ${style.fontFamily}`;
  }

  label(text, x, y, align = "left") {
    this.context.fillStyle = this.text;
    this.context.textAlign = align;
    this.context.textBaseline = "middle";
    this.context.fillText(text, x, y);
  }

  box(x, y, width, height, colour, radius = 3) {
    this.context.fillStyle = colour;
    this.context.beginPath();
    this.context.roundRect(x, y, Math.max(width, 0), height, Math.min(radius, Math.max(width, 0)));
    this.context.fill();
  }

  // Values of the last seconds, the newest at the right, from `top` on.
  band(values, maximum, { top, height, colour }) {
    const right = this.width - 40;
    const step = right / (kSamples - 1);
    const bottom = top + height - 0.5;
    const { context } = this;
    context.strokeStyle = this.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, bottom);
    context.lineTo(right, bottom);
    context.stroke();
    const point = (value, index) => [
      right - (values.length - 1 - index) * step,
      bottom - (Math.min(value / maximum, 1) * (height - 6)),
    ];
    if (values.length > 0) {
      context.beginPath();
      values.forEach((value, index) => context.lineTo(...point(value, index)));
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      context.lineJoin = "round";
      context.stroke();
      context.lineTo(right, bottom);
      context.lineTo(point(0, 0)[0], bottom);
      context.globalAlpha = 0.12;
      context.fillStyle = colour;
      context.fill();
      context.globalAlpha = 1;
    }
    this.label(figures(values.at(-1) ?? 0), this.width, top + height / 2, "right");
  }
}

export class Monitor {
  /** `panel` is its element; `keyOf` gives the API key. */
  constructor(panel, keyOf) {
    this.panel = panel;
    this.keyOf = keyOf;
    this.samples = [];
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.wake());
    new ResizeObserver(() => this.draw()).observe(panel);
  }

  get isSeen() {
    return !this.panel.hidden && document.visibilityState === "visible";
  }

  wake() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.isSeen) {
      this.poll();
    } else {
      this.tell("paused");
    }
  }

  tell(text) {
    this.panel.querySelector("#monitor-state").textContent = text;
  }

  async poll() {
    const turn = {};
    this.turn = turn;
    const key = this.keyOf();
    try {
      const [metrics, slots] = await Promise.all([getText("metrics", key), getJson("slots", key)]);
      this.samples.push(sampleOf(readMetrics(metrics), slots));
      this.samples.splice(0, this.samples.length - kSamples);
      this.tell("live");
    } catch (error) {
      this.tell(error.status === 401 ? "needs a key" : error.status === 503 ? "loading" : "away");
    }
    if (this.turn === turn && this.isSeen) {
      this.draw();
      this.timer = setTimeout(() => this.poll(), kPeriod);
    }
  }

  draw() {
    const now = this.samples.at(-1);
    if (this.panel.hidden || !now) {
      return;
    }
    this.showFigures(now);
    this.drawSpeed();
    this.drawLoad(now);
    this.drawSlots(now);
    this.drawMemory(now);
  }

  showFigures(now) {
    const hits = now.promptTokens > 0 ? (100 * now.cachedTokens) / now.promptTokens : 0;
    const rows = [
      ["Running", `${now.running} of ${now.slotCount}`],
      ["Waiting", `${now.waiting}`],
      ["Answer tokens/s", figures(now.generated)],
      ["Prompt tokens/s", figures(now.read)],
      ["Cache hits", `${figures(hits)} %`],
      ["Snapshots", `${now.snapshots}, ${bytes(now.snapshotBytes)}`],
    ];
    const list = this.panel.querySelector("#figures");
    list.replaceChildren(...rows.map(([name, value]) => {
      const term = document.createElement("dt");
      term.textContent = name;
      const detail = document.createElement("dd");
      detail.textContent = value;
      const pair = document.createElement("div");
      pair.append(term, detail);
      return pair;
    }));
  }

  values(name) {
    return this.samples.map((each) => each[name]);
  }

  bands(id, first, second, maximumOf) {
    const drawing = new Drawing(this.panel.querySelector(id));
    const height = drawing.height / 2;
    [[first, drawing.accent], [second, drawing.second]].forEach(([name, colour], index) => {
      const values = this.values(name);
      drawing.band(values, maximumOf(values), { top: index * height, height, colour });
    });
  }

  drawSpeed() {
    this.bands("#speed", "generated", "read", (values) => niceMaximum(Math.max(...values)));
  }

  drawLoad(now) {
    this.bands("#load", "running", "waiting",
               (values) => Math.max(now.slotCount, ...values, 1));
  }

  drawSlots(now) {
    const drawing = new Drawing(this.panel.querySelector("#slots"));
    const count = Math.max(now.slotCount, now.slots.length);
    const gap = 3;
    // As large as lets all of them in.
    let side = 22;
    const perRow = () => Math.max(Math.floor((drawing.width + gap) / (side + gap)), 1);
    while (side > 4 && Math.ceil(count / perRow()) * (side + gap) - gap > drawing.height) {
      --side;
    }
    const columns = perRow();
    for (let i = 0; i < count; ++i) {
      const x = (i % columns) * (side + gap);
      const y = Math.floor(i / columns) * (side + gap);
      const slot = now.slots[i];
      drawing.box(x, y, side, side, drawing.line);
      if (slot?.is_processing) {
        const isReading = slot.phase === "prefill";
        const share = isReading ? slot.prompt_tokens_read / Math.max(slot.prompt_tokens, 1) : 1;
        const height = Math.max(side * Math.min(share, 1), 3);
        drawing.box(x, y + side - height, side, height,
                    isReading ? drawing.second : drawing.accent);
      }
    }
  }

  drawMemory(now) {
    const drawing = new Drawing(this.panel.querySelector("#memory"));
    drawing.box(0, 0, drawing.width, 8, drawing.line, 4);
    const width = drawing.width * Math.min(now.kvRatio, 1);
    drawing.box(0, 0, now.kvRatio > 0 ? Math.max(width, 3) : 0, 8, drawing.accent, 4);
    drawing.label(bytes(now.kvBytes), 0, 20);
    drawing.label(`${figures(100 * now.kvRatio)} %`, drawing.width, 20, "right");
  }
}

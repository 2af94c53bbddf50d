"use strict";
/* The page that npseq.inspect.page writes: draws the arrays that stand in it, and computes nothing but colours. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const arrays = {};
  for (const [name, { shape, data: text }] of Object.entries(data.arrays)) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const values = new Float64Array(bytes.buffer);
    const at = (...index) => values[index.reduce((k, i, axis) => k * shape[axis] + i, 0)];
    arrays[name] = { shape, values, at };
  }
  window.npseq = arrays;
  const $ = (id) => document.getElementById(id);
  const [count, T] = arrays.connections.shape;
  const chosen = { b: 0, t: T - 1, length: Math.min(5, T) };
  const number = (x) => (x === 0 ? "0" : Math.abs(x) >= 0.01 && Math.abs(x) < 1e5 ? x.toPrecision(3) : x.toExponential(1));
  const node = (name, attributes, parent, text) => {
    const svg = ["svg", "rect", "line", "polyline", "text"].includes(name);
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };
  const from = (t, s) => (t - s < chosen.length ? arrays.connections.at(chosen.b, t, s) : 0);

  /* The text: a button a letter, coloured by what the chosen one's loss came from. */
  const letters = [];
  function write() {
    $("text").textContent = "";
    letters.length = 0;
    data.labels[chosen.b].forEach((label, t) => {
      const shown = label === " " ? "\u2423" : label === "\n" ? "\u21b5" : label;
      const letter = node("button", { type: "button", "aria-label": `step ${t}: ${label}` }, $("text"), shown);
      letter.addEventListener("pointerenter", () => choose(t));
      letter.addEventListener("focus", () => choose(t));
      letter.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, Home: -T, End: T }[event.key];
        if (!step) return;
        event.preventDefault();
        letters[Math.min(Math.max(t + step, 0), T - 1)].focus();
      });
      letters.push(letter);
    });
  }
  function choose(t) {
    chosen.t = t;
    const row = letters.map((_, s) => (s <= t ? from(t, s) : 0));
    const most = Math.max(...row, 1e-300);
    letters.forEach((letter, s) => {
      letter.style.background = s <= t ? `rgba(var(--hot),${(0.85 * row[s]) / most})` : "";
      letter.style.opacity = s <= t ? 1 : 0.45;
      letter.setAttribute("aria-pressed", s === t);
      letter.tabIndex = s === t ? 0 : -1;
    });
    const order = row.map((value, s) => [value, s]).filter(([value]) => value > 0).sort((a, b) => b[0] - a[0]).slice(0, 3);
    const label = (s) => JSON.stringify(data.labels[chosen.b][s]);
    const told = order.map(([value, s]) => `${label(s)} at lag ${t - s} (${number(value)})`);
    $("told").textContent = `After ${label(t)}, step ${t}, the loss moves most with ${told.join(", ") || "nothing"}.`;
  }

  /* Bars by lag and the bias of every length, on a log axis. */
  function chart(place, label, values, options = {}) {
    place.textContent = "";
    const W = Math.max(300, Math.min(760, place.clientWidth || 640)), H = 170, x0 = 46, x1 = W - 8, y0 = 8, y1 = H - 30;
    const positive = values.filter((v) => v > 0);
    const high = options.log ? Math.ceil(Math.log10(Math.max(...positive, 1e-300))) : Math.max(...values, options.limit || 0) || 1;
    const low = options.log ? Math.max(high - 12, Math.floor(Math.log10(Math.min(...positive, 1)))) - 0.2 : 0;
    const place_y = (v) => {
      const level = options.log ? (v > 0 ? Math.max(Math.log10(v), low) : low) : v;
      return y1 - ((level - low) / (high - low || 1)) * (y1 - y0);
    };
    const drawn = node("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label }, place);
    node("line", { x1: x0, x2: x1, y1, y2: y1, class: "axis" }, drawn);
    const marks = options.log ? [Math.ceil(low), high] : [0, high];
    marks.forEach((mark) => {
      const y = place_y(options.log ? 10 ** mark : mark);
      node("text", { x: x0 - 4, y: y + 4, "text-anchor": "end" }, drawn, options.log ? `1e${mark}` : number(mark));
    });
    const step = (x1 - x0) / values.length;
    if (options.bars)
      values.forEach((v, k) => {
        const y = place_y(v);
        const cls = k < options.kept ? "kept" : "cut";
        node("rect", { x: x0 + k * step + 0.1 * step, width: 0.8 * step, y, height: Math.max(y1 - y, 0), class: cls }, drawn);
      });
    for (const line of options.bars ? options.lines || [] : [values, ...(options.lines || [])]) {
      const points = [...line].map((v, k) => `${x0 + (k + 0.5) * step},${place_y(v)}`).join(" ");
      node("polyline", { points, class: "curve" }, drawn);
    }
    if (options.limit) {
      const y = place_y(options.limit);
      node("line", { x1: x0, x2: x1, y1: y, y2: y, class: "limit" }, drawn);
    }
    const every = Math.max(1, Math.round(values.length / 8));
    for (let k = 0; k < values.length; k += every)
      node("text", { x: x0 + (k + 0.5) * step, y: y1 + 14, "text-anchor": "middle" }, drawn, String(k));
    node("text", { x: (x0 + x1) / 2, y: H - 3, "text-anchor": "middle" }, drawn, label);
  }
  function truncate() {
    const lags = [...arrays.lags.values], bias = arrays.bias.values;
    chosen.length = Number($("truncation").value);
    $("length").textContent = chosen.length;
    const left = bias[chosen.length - 1];
    $("cost").textContent = `Lags 0 to ${chosen.length - 1} are kept; what is left out is ${number(left)} of the gradient.`;
    chart($("lags"), "norm of each lag's part of the gradient; hollow: cut", lags,
      { log: true, bars: true, kept: chosen.length });
    choose(chosen.t);
  }

  /* Units over time as a map, and the adjoints' norms under it. */
  function over_time() {
    const name = $("what").value, array = arrays[`unit ${name}`], canvas = $("units");
    canvas.hidden = !array || chosen.b >= array.shape[0];
    $("scale").textContent = array && canvas.hidden ? `Units of the first ${array.shape[0]} sequences are in this file.` : "";
    if (!canvas.hidden) {
      const H = array.shape[2], gate = name.startsWith("gate");
      canvas.width = T * 12;
      canvas.height = H * Math.max(3, Math.round(160 / H));
      const pen = canvas.getContext("2d"), tall = canvas.height / H;
      let most = 0;
      for (let t = 0; t < T; t++) for (let h = 0; h < H; h++) most = Math.max(most, Math.abs(array.at(chosen.b, t, h)));
      const ink = getComputedStyle(document.documentElement);
      const hot = ink.getPropertyValue("--hot"), cold = ink.getPropertyValue("--cold");
      for (let t = 0; t < T; t++)
        for (let h = 0; h < H; h++) {
          const v = array.at(chosen.b, t, h) / (gate ? 1 : most || 1);
          pen.fillStyle = `rgba(${v < 0 ? cold : hot},${Math.min(Math.abs(v), 1)})`;
          pen.fillRect(t * 12, h * tall, 12, tall);
        }
      $("scale").textContent = `${name}: a row a unit, a column a step; full colour is ${number(gate ? 1 : most)}, blue is below 0.`;
    }
    const norms = Object.keys(arrays).find((key) => key.startsWith("adjoint h"));
    const row = Array.from({ length: T }, (_, t) => arrays[norms].at(t, chosen.b));
    chart($("norms"), "norm of dL/dh of this sequence, by step", row, { log: true });
  }
  function exponents() {
    const found = arrays.exponents;
    if (!found || chosen.b >= found.shape[0]) return void ($("exponents").textContent = "");
    const shown = Array.from({ length: found.shape[1] }, (_, k) => found.at(chosen.b, k));
    $("exponents").textContent = `Lyapunov exponents of this sequence's states, the largest: ${shown.sort((a, b) => b - a).map(number).join(", ")} a step.`;
  }
  function clipping() {
    const training = data.training;
    if (!training || !training.grad_norm.length) {
      $("clipping").textContent = "No training stands in this file.";
      return;
    }
    const { clip, grad_norm: norms } = training;
    const over = clip ? norms.filter((x) => x > clip).length : 0;
    $("clipping").textContent = clip
      ? `The largest gradient of an epoch was above the limit ${number(clip)} in ${over} of ${norms.length} epochs; ` +
        `the gradient of this text would be multiplied by ${number(Math.min(1, clip / data.norm))}.`
      : "Gradients were not clipped.";
    chart($("clips"), "largest gradient norm by epoch (dashed: the limit)", norms, { limit: clip });
  }

  for (let b = 0; b < count; b++) node("option", { value: b }, $("sequence"), `${b}: ${data.labels[b].slice(0, 12).join("")}`);
  const units = Object.keys(arrays).filter((key) => key.startsWith("unit ")).map((key) => key.slice(5));
  units.forEach((name) => node("option", { value: name }, $("what"), name));
  $("truncation").max = arrays.bias.shape[0];
  $("truncation").value = chosen.length = Math.min(T, arrays.bias.shape[0]);
  $("sequence").addEventListener("change", () => {
    chosen.b = Number($("sequence").value);
    write();
    choose(chosen.t);
    over_time();
    exponents();
  });
  $("truncation").addEventListener("input", truncate);
  $("what").addEventListener("change", over_time);
  write();
  truncate();
  over_time();
  exponents();
  clipping();
  document.documentElement.dataset.ready = Math.round(performance.now());  // ms since the file was opened
})();

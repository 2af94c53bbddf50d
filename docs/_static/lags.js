"use strict";
/* The page "One gradient, any truncation": draws what docs/_ext/lag_data.py worked out. Vectors are over |g|. */
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const place = document.getElementById("lag-explorer");
  const data = JSON.parse(document.getElementById("lag-data").textContent);
  const chosen = { task: "characters", stage: "trained", length: 5 };
  const CELLS = ["RNN", "GRU", "LSTM"];

  const svg = (name, attributes, parent, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const html = (name, attributes, parent, text) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const current = () => data[chosen.task].stages[chosen.stage];
  const longest = () => current().RNN.lags.length;
  const degrees = (d, k) => (Math.atan2(d.across[k - 1], d.along[k - 1]) * 180) / Math.PI;
  const number = (x) => (x === 0 ? "0" : x >= 0.01 ? x.toPrecision(2) : x.toExponential(1));
  const angle = (x) => `${x >= 0.05 ? x.toFixed(1) : x === 0 ? "0" : x.toExponential(1)}°`;

  /* log axis from 10^low to 10^high onto pixels y1 (bottom) to y0 (top); what is below is at the bottom */
  const LOW = -6, HIGH = 0.5;
  const onLog = (x, y0, y1) => y1 - ((Math.max(Math.log10(Math.max(x, 1e-300)), LOW) - LOW) / (HIGH - LOW)) * (y1 - y0);

  function select(label, options, key) {
    const box = html("label", { class: "lag-choice" }, controls, `${label} `);
    const list = html("select", { "data-key": key }, box);
    for (const [value, text] of options) html("option", { value }, list, text);
    list.value = chosen[key];
    list.addEventListener("change", () => {
      chosen[key] = list.value;
      draw();
    });
  }

  place.textContent = "";
  const controls = html("div", { class: "lag-controls" }, place);
  select("Task", Object.entries(data).map(([name, task]) => [name, task.title]), "task");
  select("Network", Object.keys(data.characters.stages).map((stage) => [stage, stage]), "stage");
  const sliderBox = html("label", { class: "lag-slider" }, place);
  const shown = html("span", { id: "lag-length" }, sliderBox);
  const slider = html("input", { type: "range", min: "1", step: "1", id: "lag-range" }, sliderBox);
  slider.addEventListener("input", () => {
    chosen.length = Number(slider.value);
    draw();
  });
  const panels = html("div", { class: "lag-panels" }, place);
  const status = html("p", { class: "lag-status", "aria-live": "polite", id: "lag-status" }, place);

  /* The part of every lag, kept ones full and cut ones hollow, and the bias that each length has, as a line. */
  function bars(parent, d, k) {
    const W = 300, H = 190, x0 = 56, x1 = W - 6, y0 = 8, y1 = H - 34, n = d.lags.length;
    const view = { viewBox: `0 0 ${W} ${H}`, class: "lag-chart", role: "img", "aria-label":
      `Share of each lag: ${k} of ${n} lags kept; the bias is ${number(d.bias[k - 1])} of the gradient.` };
    const chart = svg("svg", view, parent);
    for (let e = LOW; e <= 0; e += 2) {
      const y = onLog(10 ** e, y0, y1);
      svg("line", { x1: x0, x2: x1, y1: y, y2: y, class: "lag-grid" }, chart);
      svg("text", { x: x0 - 4, y: y + 4, "text-anchor": "end" }, chart, e ? `1e${e}` : "1");
    }
    const middle = (y0 + y1) / 2;
    svg("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, chart, "part / whole, norms");
    const step = (x1 - x0) / n;
    d.lags.forEach((share, lag) => {
      const top = onLog(share, y0, y1);
      svg("rect", { x: x0 + lag * step + step * 0.12, width: step * 0.76, y: top, height: y1 - top,
        class: lag < k ? "lag-kept" : "lag-cut" }, chart);
    });
    const points = d.bias.map((b, j) => (b > 0 ? `${x0 + (j + 1) * step},${onLog(b, y0, y1)}` : "")).join(" ");
    svg("polyline", { points, class: "lag-line" }, chart);
    const cut = x0 + k * step;
    svg("line", { x1: cut, x2: cut, y1: y0, y2: y1, class: "lag-at" }, chart);
    if (d.bias[k - 1] > 0) svg("circle", { cx: cut, cy: onLog(d.bias[k - 1], y0, y1), r: 4, class: "lag-dot" }, chart);
    svg("line", { x1: x0, x2: x1, y1: y1, y2: y1, class: "lag-axis" }, chart);
    for (let lag = 0; lag < n; lag += 10)
      svg("text", { x: x0 + (lag + 0.5) * step, y: y1 + 14, "text-anchor": "middle" }, chart, String(lag));
    svg("text", { x: (x0 + x1) / 2, y: H - 4, "text-anchor": "middle" }, chart, "lag");
  }

  /* The gradient, to the right, and the truncated one, in the plane of both. */
  function arrows(parent, d, k) {
    const W = 300, H = 150, x0 = 24, y0 = H - 26, unit = 175;
    const x = x0 + unit * d.along[k - 1], y = y0 - unit * d.across[k - 1];
    const view = { viewBox: `0 0 ${W} ${H}`, class: "lag-chart", role: "img", "aria-label":
      `The truncated gradient is at ${angle(degrees(d, k))} to the whole one.` };
    const chart = svg("svg", view, parent);
    const arrow = (toX, toY, cls) => {
      svg("line", { x1: x0, y1: y0, x2: toX, y2: toY, class: cls }, chart);
      const turn = Math.atan2(toY - y0, toX - x0), far = Math.hypot(toX - x0, toY - y0);
      if (far < 6) return;
      const tip = [0.45, -0.45].map((a) => `${toX - 9 * Math.cos(turn + a)},${toY - 9 * Math.sin(turn + a)}`);
      svg("polygon", { points: `${toX},${toY} ${tip.join(" ")}`, class: `${cls} lag-tip` }, chart);
    };
    arrow(x0 + unit, y0, "lag-whole");
    svg("line", { x1: x, y1: y, x2: x0 + unit, y2: y0, class: "lag-bias" }, chart);
    arrow(x, y, "lag-short");
    svg("text", { x: x0 + unit + 8, y: y0 + 4 }, chart, "gradient g");
    svg("text", { x: Math.max(Math.min(x + 8, W - 64), x0), y: Math.max(y - 8, 12), class: "lag-short-name" }, chart, "truncated");
    svg("text", { x: x0, y: H - 4 }, chart, "dashed: the bias, what is left out");
  }

  function draw() {
    const n = longest();
    chosen.length = Math.min(chosen.length, n);
    slider.max = String(n);
    slider.value = String(chosen.length);
    const k = chosen.length;
    shown.textContent = `Truncated(${k}): lags 0 to ${k - 1} of ${n}`;
    slider.setAttribute("aria-valuetext", `${k} of ${n} lags kept`);
    panels.textContent = "";
    const told = [];
    for (const cell of CELLS) {
      const d = current()[cell];
      const panel = html("section", { class: "lag-panel", "data-cell": cell, "aria-label": cell }, panels);
      html("h3", {}, panel, cell);
      const list = html("p", { class: "lag-numbers" }, panel);
      html("span", {}, list, "bias ");
      html("strong", { class: "lag-bias-value" }, list, number(d.bias[k - 1]));
      html("span", {}, list, ", angle ");
      html("strong", { class: "lag-angle-value" }, list, angle(degrees(d, k)));
      bars(panel, d, k);
      arrows(panel, d, k);
      told.push(`${cell} bias ${number(d.bias[k - 1])}, angle ${angle(degrees(d, k))}`);
    }
    status.textContent = `With ${k} of ${n} lags: ${told.join("; ")}.`;
  }
  draw();
})();

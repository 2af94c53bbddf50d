"use strict";
/* The playground: one sequence through one layer, forward and backward, each time a setting changes. The lines of the
   cells, in window.npseqCells, are traced from npseq's own by docs/_ext/playground.py; here stand the products with
   matrices, the loop over time, and the drawing. */
const row = (v, M) => {
  const out = new Float64Array(M[0].length);
  for (let i = 0; i < v.length; i++) for (let j = 0, m = M[i]; j < out.length; j++) out[j] += v[i] * m[j];
  return out;
};
const back = (v, M) => {
  const out = new Float64Array(M.length);
  for (let i = 0; i < M.length; i++) {
    let sum = 0;
    for (let j = 0, m = M[i]; j < v.length; j++) sum += v[j] * m[j];
    out[i] = sum;
  }
  return out;
};
const total = (v) => {
  let sum = 0;
  for (let k = 0; k < v.length; k++) sum += v[k];
  return sum;
};
const mean = (v) => total(v) / v.length;
const npseqPlayground = (() => {
  const INPUTS = 2;

  /* Numbers that are the same in every browser: Mulberry's generator, and a normal from two of them. */
  function generator(seed) {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  /* The parameters: recurrent matrices of spectral radius about `gain`, and the forget gate's bias. */
  function weights(cell, units, gain, bias, seed) {
    const w = {}, size = { D: INPUTS, H: units };
    for (const [name, shape] of Object.entries(cell.parameters)) {
      const normal = generator(seed + 7919 * [...name].reduce((sum, c) => 31 * sum + c.charCodeAt(0), 1));
      const recurrent = name.startsWith("W_h"), vector = shape.length === 1;
      const scale = recurrent ? gain / Math.sqrt(units) : vector ? (name.startsWith("b_") ? 0 : 0.5 * gain) : 0.7;
      const numbers = () => Float64Array.from({ length: size[shape[shape.length - 1]] }, () => (scale ? scale * normal() : 0));
      w[name] = vector ? numbers() : Array.from({ length: size[shape[0]] }, numbers);
    }
    const forget = ["b_f", "b_z"].find((name) => name in w);
    if (forget) w[forget] = w[forget].map(() => bias);
    return w;
  }

  /* All of one setting: states, adjoints of a loss at the last step, the gradient by lag, the Jacobian's spectrum. */
  function run({ cell: name, units, gain, bias, length, truncation, seed = 1 }) {
    const cell = window.npseqCells[name], w = weights(cell, units, gain, bias, seed);
    const normal = generator(seed + 17), zeros = () => new Float64Array(units);
    const x = Array.from({ length }, () => Float64Array.from({ length: INPUTS }, normal));
    const loss = Float64Array.from({ length: units }, normal);
    const steps = [];
    let state = Object.fromEntries(cell.state.map((part) => [part, zeros()]));
    for (let t = 0; t < length; t++) {
      const v = { x: x[t], ...state };
      for (const [mask, p] of Object.entries(cell.masks)) v[mask] = zeros().fill(p);
      cell.forward(v, w);
      state = Object.fromEntries(cell.state.map((part) => [part, v[`${part}_new`]]));
      steps.push(v);
    }
    const arrives = cell.state.map((part, n) => (n ? `d${part}_next` : "p")), leaves = cell.state.map((part) => `d${part}`);
    const step = (v, passed, dy, method = "carry") => {
      v.dy = dy;
      for (let n = 0; n < passed.length; n++) v[arrives[n]] = passed[n];
      cell[method](v, w);
      return leaves.map((name) => v[name]);
    };
    const adjoints = [], lags = [];
    const kept = {}, left = {};
    const nothing = zeros();
    let passed = cell.state.map(zeros);
    for (let t = length - 1; t >= 0; t--) {
      passed = step(steps[t], passed, t === length - 1 ? loss : nothing, "backward");
      adjoints[t] = steps[t].dh_new.slice();
      lags.push(Math.sqrt(collect(cell, steps[t], length - 1 - t < truncation ? kept : left)));
    }
    const whole = norm(kept, left), bias_of = norm(left);
    const reach = Math.min(truncation, length);
    const spectrum = singular(jacobian(cell, steps.slice(length - reach), step, units));
    return {
      weights: w, x, loss, states: steps.map((v) => v.h_new), adjoints, lags, spectrum, reach,
      gradient: whole, bias: whole ? bias_of / whole : 0,
      gates: Object.fromEntries(cell.gates.map((gate) => [gate, steps.map((v) => v[gate])])),
    };
  }

  /* Adds one step's part of every parameter's gradient to `into`; its squared norm. */
  function collect(cell, v, into) {
    let squares = 0;
    for (const [name, [operand, adjoint]] of Object.entries(cell.sums)) {
      const left = operand === null ? [1] : v[operand], right = v[adjoint];
      const sum = (into[name] ??= new Float64Array(left.length * right.length));
      for (let i = 0; i < left.length; i++)
        for (let j = 0; j < right.length; j++) {
          const part = left[i] * right[j];
          sum[i * right.length + j] += part;
          squares += part * part;
        }
    }
    return squares;
  }
  function norm(...parts) {
    const names = new Set(parts.flatMap(Object.keys));
    let squares = 0;
    for (const name of names) {
      const arrays = parts.map((part) => part[name]).filter(Boolean);
      for (let k = 0; k < arrays[0].length; k++) squares += arrays.reduce((sum, a) => sum + a[k], 0) ** 2;
    }
    return Math.sqrt(squares);
  }

  /* d(state after) / d(state before) of these steps, a row for each unit of each part after; writes over adjoints. */
  function jacobian(cell, steps, step, units) {
    const zero = () => new Float64Array(units), rows = [], nothing = zero();
    for (let part = 0; part < cell.state.length; part++)
      for (let k = 0; k < units; k++) {
        let passed = cell.state.map(zero);
        passed[part][k] = 1;
        for (let t = steps.length - 1; t >= 0; t--) passed = step(steps[t], passed, nothing);
        const out = new Float64Array(units * cell.state.length);
        passed.forEach((adjoint, n) => out.set(adjoint, n * units));
        rows.push(out);
      }
    return rows;
  }

  /* Singular values by Jacobi's rotations of pairs of rows, the largest first. */
  function singular(rows) {
    const a = rows.map((r) => Float64Array.from(r));
    const size = Math.max(...a.map((r) => r.reduce((sum, value) => sum + value * value, 0)));  // below it: rounding
    for (let sweep = 0, turned = true; turned && sweep < 40; sweep++) {
      turned = false;
      for (let i = 0; i < a.length; i++)
        for (let j = i + 1; j < a.length; j++) {
          let p = 0, q = 0, r = 0;
          for (let k = 0; k < a[i].length; k++) {
            p += a[i][k] * a[i][k];
            q += a[j][k] * a[j][k];
            r += a[i][k] * a[j][k];
          }
          if (Math.abs(r) <= 1e-14 * Math.sqrt(p * q) || Math.abs(r) <= 1e-32 * size) continue;
          turned = true;
          const z = (q - p) / (2 * r), t = Math.sign(z || 1) / (Math.abs(z) + Math.sqrt(1 + z * z));
          const c = 1 / Math.sqrt(1 + t * t), s = c * t;
          for (let k = 0; k < a[i].length; k++) {
            const one = a[i][k], two = a[j][k];
            a[i][k] = c * one - s * two;
            a[j][k] = s * one + c * two;
          }
        }
    }
    return a.map((r) => Math.sqrt(r.reduce((sum, value) => sum + value * value, 0))).sort((x, y) => y - x);
  }
  return { run, weights };
})();
window.npseqPlayground = npseqPlayground;

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("play");
  if (!place) return;
  const SVG = "http://www.w3.org/2000/svg";
  const chosen = { cell: "LSTM", units: 8, gain: 1, bias: 1, length: 50, truncation: 20, seed: 1 };
  const node = (name, attributes, parent, text) => {
    const drawn = ["svg", "rect", "line", "circle", "text"].includes(name);
    const made = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const number = (x) => (x === 0 ? "0" : x >= 0.01 && x < 1e4 ? x.toPrecision(3) : x.toExponential(1));
  place.textContent = "";
  const controls = node("div", { class: "play-controls" }, place);
  const select = node("select", { "data-key": "cell" }, node("label", {}, controls, "Cell "));
  Object.keys(window.npseqCells).forEach((name) => node("option", { value: name }, select, name));
  select.value = chosen.cell;
  const sliders = {};
  for (const [key, label, min, max, step] of [
    ["units", "Units", 1, 16, 1], ["gain", "Gain of the recurrent matrices", 0, 3, 0.05],
    ["bias", "Forget bias", -3, 6, 0.1], ["length", "Length T", 2, 100, 1],
    ["truncation", "Truncated(k), k", 1, 100, 1], ["seed", "Other numbers", 1, 50, 1],
  ]) {
    const box = node("label", {}, controls, `${label} `);
    const shown = node("output", {}, box);
    const slider = node("input", { type: "range", min, max, step, "data-key": key, value: chosen[key] }, box);
    sliders[key] = { slider, shown };
    slider.addEventListener("input", () => {
      chosen[key] = Number(slider.value);
      draw();
    });
  }
  select.addEventListener("change", () => {
    chosen.cell = select.value;
    draw();
  });
  const status = node("p", { "aria-live": "polite", class: "play-status" }, place);
  const maps = node("div", { class: "play-maps" }, place);
  const panel = (title) => {
    const figure = node("figure", {}, maps);
    node("figcaption", {}, figure, title);
    return figure;
  };
  const states = node("canvas", { role: "img" }, panel("States h: a row a unit, a column a step"));
  const adjoints = node("canvas", { role: "img" }, panel("Adjoints dL/dh: each step on its own scale"));
  const lags = panel("The gradient by lag: kept full, cut hollow");
  const spectrum = panel("Singular values of the Jacobian over the last k steps");

  function map(canvas, rows, own, label) {
    const T = rows.length, H = rows[0].length;
    canvas.width = T * 8;
    canvas.height = H * Math.max(6, Math.round(120 / H));
    canvas.setAttribute("aria-label", label);
    const pen = canvas.getContext("2d"), tall = canvas.height / H;
    let most = 0;
    for (const one of rows) for (const v of one) most = Math.max(most, Math.abs(v));
    rows.forEach((one, t) => {
      const scale = (own ? one.reduce((m, v) => Math.max(m, Math.abs(v)), 0) : most) || 1;
      one.forEach((v, h) => {
        pen.fillStyle = `rgba(${v < 0 ? "37,99,180" : "214,69,65"},${Math.min(Math.abs(v) / scale, 1)})`;
        pen.fillRect(t * 8, h * tall, 8, tall);
      });
    });
  }
  function bars(figure, values, kept, label) {
    figure.querySelector("svg")?.remove();
    const W = 320, H = 150, x0 = 40, y0 = 6, y1 = H - 22;
    const svg = node("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, class: "lag-chart" }, figure);
    const high = Math.ceil(Math.log10(Math.max(...values, 1e-300)) + 1e-9);
    const finite = values.filter((v) => v > 0), low = Math.max(Math.floor(Math.log10(Math.min(...finite, 1e300))), high - 14);
    const y = (v) => y1 - ((Math.max(v > 0 ? Math.log10(v) : low, low) - low) / (high - low || 1)) * (y1 - y0);
    for (const e of [low, high]) {
      node("line", { x1: x0, x2: W, y1: y(10 ** e), y2: y(10 ** e), class: "lag-grid" }, svg);
      node("text", { x: x0 - 4, y: y(10 ** e) + 4, "text-anchor": "end" }, svg, `1e${e}`);
    }
    const step = (W - x0 - 4) / values.length;
    values.forEach((v, k) => {
      const cls = k < kept ? "lag-kept" : "lag-cut";
      node("rect", { x: x0 + k * step + step * 0.1, width: step * 0.8, y: y(v), height: Math.max(y1 - y(v), 0), class: cls }, svg);
    });
    for (let k = 0; k < values.length; k += Math.max(1, Math.round(values.length / 6)))
      node("text", { x: x0 + (k + 0.5) * step, y: H - 6, "text-anchor": "middle" }, svg, String(k));
  }
  function draw() {
    const before = performance.now();
    for (const [key, { slider, shown }] of Object.entries(sliders)) shown.textContent = `${Number(slider.value)} `;
    const cell = window.npseqCells[chosen.cell];
    sliders.bias.slider.disabled = !("b_f" in cell.parameters || "b_z" in cell.parameters);
    const found = npseqPlayground.run(chosen);
    const k = Math.min(chosen.truncation, chosen.length);
    map(states, found.states, false, `States of ${chosen.units} units over ${chosen.length} steps.`);
    map(adjoints, found.adjoints, true, "The adjoints of the states, from the last step back.");
    bars(lags, found.lags, k, `Norms of the gradient's parts, lag 0 to ${chosen.length - 1}; ${k} are kept.`);
    bars(spectrum, found.spectrum, found.spectrum.length, `Singular values, the largest ${number(found.spectrum[0])}.`);
    const first = found.lags[0], last = found.lags[found.lags.length - 1];
    status.textContent =
      `Gradient ${number(found.gradient)}; lag 0 has ${number(first)}, lag ${chosen.length - 1} has ${number(last)}. ` +
      `Truncated(${k}) leaves out ${number(found.bias)} of it. Over ${found.reach} steps the Jacobian stretches by ` +
      `${number(found.spectrum[0])} at most, ${number(found.spectrum[0] ** (1 / found.reach))} a step.`;
    place.dataset.ms = (performance.now() - before).toFixed(1);
  }
  draw();
});

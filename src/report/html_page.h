// The constant parts of the HTML report: its style, and the script that draws the curves from the page's data.
#pragma once

namespace hone {

inline constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --line: #dfe3e8; --grid: #eceff2; --text: #1c2127; --dim: #66707b; --good: #17784a; --bad: #b3363a;
  --c0: #2563c9; --c1: #d9730d; --c2: #17864f; --c3: #b5329a; --c4: #7a5af0; --c5: #a1662f; --c6: #0b8a99; --c7: #c9342f; }
@media (prefers-color-scheme: dark) { :root {
  --page: #111418; --card: #191d23; --line: #2c333c; --grid: #252b33; --text: #e6e9ed; --dim: #96a0ac; --good: #57c792; --bad: #f0817f;
  --c0: #6ea4ff; --c1: #f5a04a; --c2: #4cc38a; --c3: #ec7fd6; --c4: #ab9bff; --c5: #d0a072; --c6: #45c4d3; --c7: #ff8079; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
header { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: center; padding: 10px 28px;
  background: var(--card); border-bottom: 1px solid var(--line); }
header h1 { margin: 0; font-size: 16px; letter-spacing: .01em; }
header h1 span { color: var(--dim); font-weight: 400; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 8px; flex: 1; }
.legend button { display: inline-flex; align-items: center; gap: 7px; padding: 2px 10px; border: 1px solid var(--line); border-radius: 99px;
  background: none; color: inherit; font: inherit; font-size: 13px; cursor: pointer; }
.legend button[aria-pressed=false] { opacity: .4; text-decoration: line-through; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 3px; }
header label { display: flex; align-items: center; gap: 8px; color: var(--dim); font-size: 13px; }
main { max-width: 1280px; margin: 0 auto; padding: 8px 28px 60px; }
h2 { margin: 30px 0 12px; font-size: 20px; }
h2 small { color: var(--dim); font-size: 14px; font-weight: 400; margin-left: 8px; }
h3 { margin: 24px 0 10px; font-size: 12px; font-weight: 600; letter-spacing: .07em; text-transform: uppercase; color: var(--dim); }
.card, figure, details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.card { padding: 6px 16px; overflow-x: auto; }
.fit { width: fit-content; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 14px 6px 0; text-align: right; white-space: nowrap; border-top: 1px solid var(--grid); }
tr:first-child > * { border-top: 0; }
th { font-weight: 500; color: var(--dim); }
th:first-child { text-align: left; color: var(--text); padding-right: 40px; }
th.run { text-align: left; padding-left: 22px; color: var(--text); }
td.from { padding-left: 22px; color: var(--dim); }
td.to { font-weight: 600; }
td.change { color: var(--dim); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 14px; }
figure { position: relative; margin: 0; padding: 10px 12px 6px; }
figcaption { display: flex; justify-content: space-between; gap: 8px; font-weight: 600; font-size: 13px; white-space: nowrap; }
figcaption code { font-size: 11px; font-weight: 400; color: var(--dim); min-width: 0; overflow: hidden; text-overflow: ellipsis; }
figure svg { display: block; width: 100%; height: 170px; margin-top: 4px; touch-action: pan-y; }
svg text { fill: var(--dim); font-size: 11px; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--line); } svg .cursor { stroke: var(--dim); stroke-dasharray: 3 3; }
svg path { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; } svg path.raw { stroke-width: 1; opacity: .3; }
.tip { position: absolute; z-index: 1; pointer-events: none; padding: 5px 9px; border-radius: 6px; background: var(--text); color: var(--card);
  font-size: 12px; line-height: 1.45; white-space: nowrap; font-variant-numeric: tabular-nums; }
.tip .swatch { margin-right: 6px; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 14px; }
.sample { padding: 12px 16px; }
.sample p { margin: 0; } .sample .who { color: var(--dim); font-size: 12px; margin-bottom: 2px; }
.sample .who + p { margin-bottom: 8px; font-weight: 600; }
.text { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
.think { color: var(--dim); }
.chips { margin-top: 8px; display: flex; flex-wrap: wrap; gap: 4px 6px; font-size: 12px; font-variant-numeric: tabular-nums; }
.chips span { padding: 0 8px; border: 1px solid var(--line); border-radius: 99px; color: var(--dim); }
details { margin-top: 14px; padding: 8px 16px; } details[open] { padding-bottom: 16px; }
summary { cursor: pointer; font-weight: 600; } details .charts, details .samples { margin-top: 12px; } details h3 { margin-top: 16px; }
details figure, details .card { background: none; }
pre.config { overflow-x: auto; margin: 10px 0 0; font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
noscript p { padding: 12px 16px; }
)css";

inline constexpr const char* kPageScript = R"js(
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const hidden = new Set();
let smoothing = 0;
const kLeft = 48, kRight = 10, kTop = 8, kBottom = 22, kHeight = 170;

function make(parent, name, attributes, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return parent.appendChild(node);
}
const color = (run) => `var(--c${run % 8})`;

// 1, 2 or 5 times a power of ten, so that about `count` ticks cover `range`.
function tickStep(range, count) {
  const raw = range / count, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].find((m) => m * power >= raw * 0.999) * power;
}
function tickText(value, step) {
  if (value === 0) return '0';
  if (step < 1e-4) return (+value.toPrecision(3)).toExponential();
  const size = Math.abs(value);
  if (size >= 1e6) return +(value / 1e6).toPrecision(4) + 'M';
  if (size >= 1e4) return +(value / 1e3).toPrecision(4) + 'k';
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}
function exact(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(3);
  return size >= 1e4 ? Math.round(value).toLocaleString('en-US') : String(+value.toPrecision(5));
}

// A mean in which a point counts less the older it is, without a bias at the start.
function smooth(points) {
  if (smoothing === 0) return points;
  let sum = 0, weight = 0;
  return points.map(([x, y]) => {
    sum = smoothing * sum + (1 - smoothing) * y;
    weight = smoothing * weight + (1 - smoothing);
    return [x, sum / weight];
  });
}

function seriesOf(figure) {
  return data.runs.flatMap((run, index) => {
    const flat = run.stages[figure.dataset.stage]?.[figure.dataset.metric];
    if (!flat || hidden.has(index)) return [];
    const points = [];
    for (let i = 0; i < flat.length; i += 2) points.push([flat[i], flat[i + 1]]);
    return [{ index, name: run.name, points, line: smooth(points) }];
  });
}

function draw(figure) {
  figure.querySelector('svg')?.remove();
  figure.querySelector('.tip')?.remove();
  const series = seriesOf(figure), all = series.flatMap((s) => s.points);
  const width = Math.max(figure.clientWidth - 24, 120);
  const svg = make(figure, 'svg', { viewBox: `0 0 ${width} ${kHeight}`, role: 'img', 'aria-label': figure.dataset.metric });
  if (all.length === 0) return;
  const xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
  const min = (v) => v.reduce((a, b) => Math.min(a, b)), max = (v) => v.reduce((a, b) => Math.max(a, b));
  let x0 = min(xs), x1 = max(xs), y0 = min(ys), y1 = max(ys);
  if (x0 === x1) { x0 -= 1; x1 += 1; }
  if (y0 > 0 && y0 < 0.6 * y1) y0 = 0;
  if (y0 === y1) { const pad = Math.abs(y0) * 0.1 || 1; y0 = y0 === 0 ? 0 : y0 - pad; y1 += pad; }
  const yStep = tickStep(y1 - y0, 4), xStep = Math.max(1, tickStep(x1 - x0, width / 80));
  y0 = Math.floor(y0 / yStep + 1e-9) * yStep;
  y1 = Math.ceil(y1 / yStep - 1e-9) * yStep;
  const px = (x) => kLeft + (x - x0) / (x1 - x0) * (width - kLeft - kRight);
  const py = (y) => kHeight - kBottom - (y - y0) / (y1 - y0) * (kHeight - kTop - kBottom);
  for (let k = Math.round(y0 / yStep); k * yStep <= y1 + yStep / 2; ++k) {
    const y = py(k * yStep);
    make(svg, 'line', { class: k === 0 ? 'axis' : 'grid', x1: kLeft, x2: width - kRight, y1: y, y2: y });
    make(svg, 'text', { x: kLeft - 6, y: y + 4, 'text-anchor': 'end' }, tickText(k * yStep, yStep));
  }
  for (let k = Math.ceil(x0 / xStep - 1e-9); k * xStep <= x1 + 1e-9; ++k) {
    make(svg, 'text', { x: px(k * xStep), y: kHeight - 5, 'text-anchor': 'middle' }, tickText(k * xStep, xStep));
  }
  const path = (points) => 'M' + points.map(([x, y]) => px(x).toFixed(1) + ' ' + py(y).toFixed(1)).join('L');
  for (const s of series) {
    const style = `stroke:${color(s.index)}`;
    if (smoothing > 0) make(svg, 'path', { class: 'raw', d: path(s.points), style });
    make(svg, 'path', { d: path(s.line), style });
    if (s.points.length === 1) make(svg, 'circle', { cx: px(s.points[0][0]), cy: py(s.points[0][1]), r: 3, style: `fill:${color(s.index)}` });
  }
  svg.addEventListener('pointermove', (event) => hover(figure, svg, series, { x0, x1, width, px, py }, event));
  svg.addEventListener('pointerleave', () => { figure.querySelector('.tip')?.remove(); svg.querySelector('.hover')?.remove(); });
}

function hover(figure, svg, series, scale, event) {
  figure.querySelector('.tip')?.remove();
  svg.querySelector('.hover')?.remove();
  const box = svg.getBoundingClientRect();
  const at = scale.x0 + ((event.clientX - box.left) / box.width * scale.width - kLeft) / (scale.width - kLeft - kRight) * (scale.x1 - scale.x0);
  const nearest = (s) => s.points.reduce((best, p, i) => Math.abs(p[0] - at) < Math.abs(s.points[best][0] - at) ? i : best, 0);
  const step = series.map((s) => s.points[nearest(s)][0]).reduce((a, b) => Math.abs(b - at) < Math.abs(a - at) ? b : a);
  const marks = make(svg, 'g', { class: 'hover' });
  make(marks, 'line', { class: 'cursor', x1: scale.px(step), x2: scale.px(step), y1: kTop, y2: kHeight - kBottom });
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.textContent = 'step ' + step.toLocaleString('en-US');
  for (const s of series) {
    const i = nearest(s), point = s.points[i];
    if (point[0] !== step) continue;
    make(marks, 'circle', { cx: scale.px(step), cy: scale.py(s.line[i][1]), r: 3.5, style: `fill:${color(s.index)}` });
    const row = document.createElement('div'), swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.background = color(s.index);
    row.append(swatch, exact(point[1]) + (smoothing > 0 ? ` (${exact(s.line[i][1])})` : '') + (data.runs.length > 1 ? '  ' + s.name : ''));
    tip.append(row);
  }
  figure.append(tip);
  const x = 12 + scale.px(step) / scale.width * box.width;
  tip.style.top = '44px';
  if (x > figure.clientWidth / 2) tip.style.right = figure.clientWidth - x + 10 + 'px'; else tip.style.left = x + 10 + 'px';
}

const figures = [...document.querySelectorAll('figure')];
const seen = new IntersectionObserver((entries) => entries.forEach((e) => { if (e.isIntersecting && !e.target.querySelector('svg')) draw(e.target); }), { rootMargin: '400px' });
figures.forEach((f) => seen.observe(f));
const redraw = () => figures.filter((f) => f.querySelector('svg') && f.clientWidth > 0).forEach(draw);
document.querySelectorAll('.legend button').forEach((button, index) => button.addEventListener('click', () => {
  if (!hidden.delete(index)) hidden.add(index);
  button.setAttribute('aria-pressed', !hidden.has(index));
  redraw();
}));
document.getElementById('smoothing').addEventListener('input', (event) => { smoothing = +event.target.value; redraw(); });
addEventListener('resize', redraw);
)js";

}  // namespace hone

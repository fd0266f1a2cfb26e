// Live charts: uPlot over the picture that the server drew, of the same size, with the same legend below it.
//
// What holds: text only ever enters the page as text; colours are the style sheet's variables; a chart that was mounted
// twice is mounted once.

import uPlot from "uplot";
import { moment, value } from "./format.js";

const SERIES_COLOURS = 8;
const Y_GUTTER = 64;
const X_GUTTER = 26;
const mounted = new Map();

/** Puts a live chart into `element`. `onZoom(from_ms, to_ms)` is called when a range was dragged. */
function mount(element, json, onZoom) {
  destroy(element);
  const chart = { element, data: JSON.parse(json), onZoom, plot: null, hidden: new Set() };
  chart.stage = element.querySelector(".chart-stage");
  chart.legend = element.querySelector(".chart-legend");
  if (!chart.stage || !chart.legend) return;
  chart.watcher = new ResizeObserver(() => resize(chart));
  chart.watcher.observe(chart.stage);
  chart.onToggle = (event) => toggle(chart, event.target.closest("[data-line]"));
  chart.legend.addEventListener("click", chart.onToggle);
  mounted.set(element, chart);
  draw(chart);
}

/** New data for a mounted chart. */
function update(element, json) {
  const chart = mounted.get(element);
  if (!chart) return;
  const before = chart.data;
  chart.data = JSON.parse(json);
  const same =
    before.unit === chart.data.unit &&
    before.lines.length === chart.data.lines.length &&
    before.lines.every((line, i) => line.label === chart.data.lines[i].label);
  if (!same || !chart.plot) {
    draw(chart);
    return;
  }
  chart.plot.setData(table(chart.data));
  marks(chart);
  readings(chart, chart.plot.cursor.idx);
}

function destroy(element) {
  const chart = mounted.get(element);
  if (!chart) return;
  chart.watcher.disconnect();
  chart.legend.removeEventListener("click", chart.onToggle);
  chart.plot?.destroy();
  mounted.delete(element);
}

function table(data) {
  return [data.times_ms.map((t) => t / 1000), ...data.lines.map((line) => line.values)];
}

function draw(chart) {
  chart.plot?.destroy();
  legend(chart);
  const { stage } = chart;
  const height = stage.clientHeight;
  stage.replaceChildren();
  chart.plot = null;
  if (!chart.data.lines.some((line) => line.values.some((v) => v !== null))) {
    const words = document.createElement("p");
    words.className = "chart-empty";
    words.textContent = "No data in this time range.";
    stage.append(words);
    readings(chart, null);
    return;
  }
  chart.plot = new uPlot(options(chart, stage.clientWidth, height), table(chart.data), stage);
  marks(chart);
  readings(chart, null);
}

function resize(chart) {
  const { clientWidth: width, clientHeight: height } = chart.stage;
  if (chart.plot && width > 0 && (chart.plot.width !== width || chart.plot.height !== height)) {
    chart.plot.setSize({ width, height });
    marks(chart);
  }
}

function options(chart, width, height) {
  const style = getComputedStyle(chart.element);
  const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const muted = colour("--text-muted", "#777");
  const border = colour("--border", "#ccc");
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: muted, font, grid: { stroke: border, width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 18, 0, 0],
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, sync: { key: "page", setSeries: false } },
    scales: {
      x: { time: true, range: () => [chart.data.start_ms / 1000, chart.data.end_ms / 1000] },
      y: { range: yRange },
    },
    axes: [
      { ...axis, size: X_GUTTER, gap: 6, space: 80, values: clock },
      { ...axis, size: Y_GUTTER, gap: 6, space: 34, values: (_, ticks) => ticks.map((t) => value(chart.data.unit, t)) },
    ],
    series: [
      {},
      ...chart.data.lines.map((line, i) => ({
        label: line.label,
        stroke: colour(`--series-${(i % SERIES_COLOURS) + 1}`, "#3b82f6"),
        width: 1.5,
        dash: i < SERIES_COLOURS ? undefined : [6, 3],
        show: !chart.hidden.has(line.label),
        spanGaps: false,
        pxAlign: 0,
        points: { size: 4, width: 0, show: () => false, filter: () => alone(chart.data.lines[i]?.values ?? []) },
      })),
    ],
    hooks: {
      setCursor: [(plot) => readings(chart, plot.cursor.idx)],
      setSelect: [(plot) => select(chart, plot)],
    },
  };
}

/** Points without a neighbour: no line would show them. */
function alone(values) {
  const gap = (i) => (values[i] ?? null) === null;
  const found = [];
  values.forEach((v, i) => {
    if (v !== null && gap(i - 1) && gap(i + 1)) found.push(i);
  });
  return found.length > 0 ? found : null;
}

/** From zero where nothing is negative, with a little air above. */
function yRange(_, min, max) {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const low = Math.min(0, min);
  if (low === max) return [low, low + 1];
  const air = (max - low) * 0.08;
  return [low < 0 ? low - air : 0, max + air];
}

/** Seconds only where the ticks are that dense, the date where a day begins. */
function clock(plot, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 60;
  return ticks.map((t) => {
    const words = moment(t * 1000);
    if (step >= 86400 || t % 86400 === 0) return words.slice(5, 10);
    return step < 60 ? words.slice(11, 19) : words.slice(11, 16);
  });
}

function select(chart, plot) {
  const { left, width } = plot.select;
  if (width < 4) return;
  const from = Math.round(plot.posToVal(left, "x") * 1000);
  const to = Math.round(plot.posToVal(left + width, "x") * 1000);
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  if (to - from >= 1000) chart.onZoom?.(from, to);
}

/** What happened, as lines over the plot; the style sheet draws them as it draws the server's. */
function marks(chart) {
  const { data, plot } = chart;
  for (const old of plot.over.querySelectorAll(".chart-mark")) old.remove();
  const length = data.end_ms - data.start_ms;
  for (const mark of data.marks) {
    const share = (mark.t_ms - data.start_ms) / length;
    if (!(share >= 0 && share <= 1)) continue;
    const line = document.createElement("span");
    line.className = share > 0.7 ? "chart-mark left" : "chart-mark";
    line.style.setProperty("--x", `${(share * 100).toFixed(3)}%`);
    const label = document.createElement("span");
    label.textContent = mark.label;
    line.append(label);
    plot.over.append(line);
  }
}

function legend(chart) {
  const items = chart.data.lines.map((line, i) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chart-key";
    button.dataset.line = String(i);
    button.setAttribute("aria-pressed", String(!chart.hidden.has(line.label)));
    const swatch = document.createElement("span");
    swatch.className = i < SERIES_COLOURS ? "chart-swatch" : "chart-swatch dashed";
    swatch.style.setProperty("--c", `var(--series-${(i % SERIES_COLOURS) + 1})`);
    const name = document.createElement("span");
    name.className = "chart-name";
    name.textContent = line.label;
    name.title = line.label;
    const reading = document.createElement("span");
    reading.className = "chart-value";
    button.append(swatch, name, reading);
    item.append(button);
    return item;
  });
  if (chart.data.left_out > 0) {
    const more = document.createElement("li");
    more.className = "chart-more";
    more.textContent = `and ${chart.data.left_out} more`;
    items.push(more);
  }
  const time = document.createElement("li");
  time.className = "chart-time";
  items.push(time);
  chart.legend.replaceChildren(...items);
}

/** The values under the cursor; without one, the last value of each line. */
function readings(chart, idx) {
  const at = idx ?? null;
  chart.legend.querySelectorAll("[data-line]").forEach((button) => {
    const values = chart.data.lines[Number(button.dataset.line)]?.values ?? [];
    const reading = at === null ? (values.findLast((v) => v !== null) ?? null) : (values[at] ?? null);
    button.querySelector(".chart-value").textContent = value(chart.data.unit, reading);
  });
  const time = chart.legend.querySelector(".chart-time");
  if (time) time.textContent = at === null ? "last values" : moment(chart.data.times_ms[at]);
}

function toggle(chart, button) {
  if (!button) return;
  const index = Number(button.dataset.line);
  const { label } = chart.data.lines[index];
  const show = chart.hidden.has(label);
  if (show) chart.hidden.delete(label);
  else chart.hidden.add(label);
  button.setAttribute("aria-pressed", String(show));
  chart.plot?.setSeries(index + 1, { show });
}

function redraw() {
  for (const chart of mounted.values()) draw(chart);
}

new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

window.qdCharts = { mount, update, destroy };

// The numbers under the pointer. Without one, each chart says in words what it shows.

import { written } from "./times.js";

function tipOf(chart) {
  const plot = chart.querySelector(".plot");
  let tip = plot.querySelector(".tip");
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "tip";
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    tip.dataset.keep = cursor.dataset.keep = "yes"; // a live chart is drawn under the pointer
    plot.append(cursor, tip);
  }
  return tip;
}

function show(chart, share) {
  const data = JSON.parse(chart.dataset.chart);
  if (!data.at.length) return;
  // days are bars of equal width, moments are points from edge to edge
  const last = data.at.length - 1;
  const at = Math.min(Math.max(data.day ? Math.floor(share * data.at.length) : Math.round(share * last), 0), last);
  const tip = tipOf(chart);
  const place = 100 * (data.day ? (at + 0.5) / data.at.length : at / Math.max(last, 1));
  chart.querySelector(".cursor").style.left = `${place}%`;
  tip.style.left = place < 55 ? `calc(${place}% + 10px)` : "auto";
  tip.style.right = place < 55 ? "auto" : `calc(${100 - place}% + 10px)`;
  tip.replaceChildren(line(written(data.at[at], data.day ? "day" : "full", Date.now())));
  for (const series of data.series) {
    const value = series.values[at];
    tip.append(line(series.name, series.tone, valued(value, data.unit)));
  }
}

function valued(value, unit) {
  if (value === null) return "–";
  if (unit === "ms" && value >= 1000) return `${+(value / 1000).toPrecision(3)}s`;
  return `${+value.toPrecision(4)}${unit}`;
}

function line(name, tone, value) {
  const row = document.createElement("div");
  if (tone) {
    const dot = document.createElement("span");
    dot.className = `dot ${tone}`;
    row.append(dot);
  }
  row.append(name);
  if (value !== undefined) {
    const number = document.createElement("b");
    number.textContent = value;
    row.append(number);
  }
  return row;
}

export function watchCharts() {
  document.addEventListener("pointermove", (event) => {
    const plot = event.target instanceof Element ? event.target.closest(".plot") : null;
    for (const other of document.querySelectorAll(".plot .tip, .plot .cursor")) {
      if (other.parentElement !== plot) other.remove();
    }
    if (!plot) return;
    const box = plot.getBoundingClientRect();
    show(plot.closest(".chart"), (event.clientX - box.left) / box.width);
  });
}

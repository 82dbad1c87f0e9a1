// What every page has: times, theme, keys, live parts. Pages work without any of it.

import { watchCharts } from "./charts.js";
import { follow } from "./live.js";
import { watchPicks } from "./picks.js";
import { writeTimes } from "./times.js";

const ROOT = document.documentElement;
const GO = { o: "/", j: "/jobs", d: "/dead", t: "/types", s: "/schedules", w: "/workers", l: "/alerts", e: "/enqueue", a: "/audit", b: "/broker" };
const GO_MS = 1200;

function isDark() {
  const chosen = ROOT.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  ROOT.dataset.theme = isDark() ? "light" : "dark";
  localStorage.setItem("jobctl-theme", ROOT.dataset.theme);
}

function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select") !== null;
}

function moveRow(by) {
  const rows = [...document.querySelectorAll("tr[data-href]")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("here"));
  const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  rows.forEach((row) => row.classList.toggle("here", row === next));
  next.querySelector("a")?.focus();
}

let wentAt = -Infinity; // when `g` was pressed

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const isGoing = performance.now() - wentAt < GO_MS;
  wentAt = -Infinity;
  if (isGoing && GO[event.key]) location.assign(GO[event.key]);
  else if (event.key === "g") wentAt = performance.now();
  else if (event.key === "/") document.querySelector("[data-search]")?.focus();
  else if (event.key === "j") moveRow(1);
  else if (event.key === "k") moveRow(-1);
  else if (event.key === "?") document.querySelector("#keys")?.showModal();
  else return;
  event.preventDefault();
}

for (const button of document.querySelectorAll("[data-theme-switch]")) button.addEventListener("click", switchTheme);
for (const button of document.querySelectorAll("[data-keys]")) {
  button.addEventListener("click", () => document.querySelector("#keys").showModal());
}
for (const chooser of document.querySelectorAll("[data-submits]")) {
  chooser.addEventListener("change", () => chooser.form.requestSubmit());
}
document.addEventListener("keydown", pressed);
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone
writeTimes();
setInterval(writeTimes, 1000);
watchCharts();
watchPicks();
follow(writeTimes);

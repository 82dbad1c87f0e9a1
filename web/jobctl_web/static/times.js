// Times of the server, in ms since the epoch, written for whoever reads: as a distance from now, or in their own zone.

const UNITS = [["d", 86400], ["h", 3600], ["m", 60]];
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" });

export function elapsed(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  for (let n = 0; n < UNITS.length; n++) {
    const [unit, length] = UNITS[n];
    if (seconds < length) continue;
    const [small, smallLength] = UNITS[n + 1] ?? ["s", 1];
    const rest = Math.floor((seconds % length) / smallLength);
    return `${Math.floor(seconds / length)}${unit}${rest ? ` ${rest}${small}` : ""}`;
  }
  return "";
}

export function written(ms, as, nowMs) {
  if (as === "clock") return CLOCK.format(ms);
  if (as === "day") return DAY.format(ms);
  if (as === "full") return FULL.format(ms);
  const seconds = (nowMs - ms) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds < 0 ? `in ${elapsed(-seconds)}` : `${elapsed(seconds)} ago`;
}

export function writeTimes() {
  const nowMs = Date.now();
  for (const time of document.querySelectorAll("time[data-ms]")) {
    const ms = Number(time.dataset.ms);
    const text = written(ms, time.dataset.as, nowMs);
    if (time.textContent !== text) time.textContent = text;
    if (time.dataset.as === "ago" && !time.title) time.title = FULL.format(ms);
  }
}

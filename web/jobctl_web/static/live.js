// One stream of events a page: the server sends the parts that have changed, and they are put in place gently, so that
// focus, selection and ticked boxes stay.

import { morph } from "./morph.js";

const RETRY_MS = 3000;

export function follow(afterwards) {
  const place = document.querySelector("[data-live]");
  if (!place) return;
  let stream = null;

  function show(state, text) {
    for (const dot of document.querySelectorAll(".live-dot")) {
      dot.dataset.state = state;
      dot.textContent = text;
    }
  }

  function trouble(text) {
    const box = document.querySelector("#trouble");
    box.hidden = !text;
    box.querySelector("span").textContent = text;
  }

  function open() {
    const page = location.pathname + location.search;
    stream = new EventSource(`/live?page=${encodeURIComponent(page)}`);
    stream.addEventListener("open", () => show("on", "live"));
    stream.addEventListener("parts", (event) => {
      for (const [name, html] of Object.entries(JSON.parse(event.data))) {
        const part = document.getElementById(name);
        if (part) morph(part, html);
      }
      place.dataset.live = "shown";
      document.dispatchEvent(new CustomEvent("jobctl:parts"));
      afterwards();
    });
    stream.addEventListener("trouble", (event) => trouble(JSON.parse(event.data).text));
    stream.addEventListener("gone", () => location.reload());
    stream.addEventListener("full", () => {
      stream.close();
      show("off", "not live: too many viewers");
    });
    stream.addEventListener("error", () => {
      show("off", "reconnecting");
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, RETRY_MS);
    });
  }

  function close() {
    stream?.close();
    stream = null;
    show("", "paused");
  }

  // Nobody looks at a hidden page: its stream is closed, so that forty forgotten tabs cost nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!stream) open();
  });
  addEventListener("pagehide", close);
  if (!document.hidden) open();
}

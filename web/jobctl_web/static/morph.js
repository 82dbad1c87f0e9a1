// Make an element look like a piece of HTML, changing only what differs.

export function morph(element, html) {
  const wanted = new DOMParser().parseFromString(html, "text/html").body;
  const focused = document.activeElement;
  alter(element, wanted);
  // a row that has moved has lost its focus on the way
  if (focused !== document.activeElement && element.contains(focused)) focused.focus({ preventScroll: true });
}

function alter(here, wanted) {
  const named = new Map();
  for (const child of here.children) if (child.id) named.set(child.id, child);
  let at = here.firstChild;
  for (const next of [...wanted.childNodes]) {
    // A parser drops the spaces that a part begins with: without this, all that follows would be out of step.
    while (at && at.nodeType === Node.TEXT_NODE && next.nodeType !== Node.TEXT_NODE) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    const found = next.id ? named.get(next.id) : null;
    if (found && found !== at) here.insertBefore(found, at);
    const now = found ?? at;
    if (now && isAlike(now, next)) {
      at = now.nextSibling;
      change(now, next);
    } else {
      here.insertBefore(document.importNode(next, true), at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    if (!gone.dataset?.keep) gone.remove();
  }
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

function change(now, next) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...now.attributes]) {
    const isOurs = name === "open" || (name === "title" && now.nodeName === "TIME");
    if (!next.hasAttribute(name) && !isOurs) now.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) !== value && name !== "open") now.setAttribute(name, value);
  }
  if (now.nodeName === "TIME" && now.dataset.ms) return; // its text is written here
  if (now === document.activeElement && "value" in now) return;
  alter(now, next);
}

// Small helpers. Text goes in as text and never as markup; what did not change is not touched, so that nothing flickers.

const SVG = "http://www.w3.org/2000/svg";

export const by = (id) => document.getElementById(id);

// An element: `make("p", { class: "quiet" }, "text", other)`.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// One of the shapes of index.html: a state is told by shape and word, its colour only repeats them.
export function shape(kind) {
  return svg("svg", { class: `shape ${kind}`, "aria-hidden": "true", focusable: "false" }, svg("use", { href: `#shape-${kind}` }));
}

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// A shape and a word in an element, made anew only when they change.
export function mark(element, kind, word) {
  if (element.dataset.kind === kind && element.dataset.word === word) return;
  element.dataset.kind = kind;
  element.dataset.word = word;
  element.replaceChildren(shape(kind), document.createTextNode(word));
}

// The children of `parent`, one for each item in its order. An item that was there before keeps its element.
export function list(parent, items, key, create, update) {
  const before = parent.shown ?? new Map();
  const now = new Map();
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const element = before.get(name) ?? create(item);
    update(element, item);
    now.set(name, element);
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const [name, element] of before) if (!now.has(name)) element.remove();
  parent.shown = now;
}

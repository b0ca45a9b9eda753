// Descriptions of elements, and the patching of the document until it shows them.
//
// Every part of the page is a function from what is known to a description made with `h`; `patch`
// changes only what differs, so that focus, scroll position and typed text stay where they are.
// Descriptions are plain values: what data becomes is tested without a document. There is no way
// to write markup from a string: text is only ever text.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle"]);

/** What is set on the element itself, because its attribute is only the value at first. */
const LIVE = new Set(["value", "checked", "disabled", "hidden", "config"]);

/** How many siblings without a key may have gone before one that stays. */
const LOOK_AHEAD = 8;

/** What each element shows now, and what it listens with. */
const shown = new WeakMap();
const listeners = new WeakMap();

/**
 * Describes an element. `props` are attributes, except: `key` names it among its siblings, `on` is
 * `{event: listener}`, and what is LIVE is set as a property. A child that may be there or not
 * needs a key if another one with the same tag follows, or that one is made anew. A custom element
 * (`sim-…`) fills itself, and its content is left alone.
 */
export function h(tag, props, ...children) {
  const { key, on, ...rest } = props ?? {};
  const fillsItself = tag.includes("-");
  return { tag, key, on, props: rest, children: fillsItself ? null : [...flat(children)] };
}

function* flat(children) {
  for (const child of children) {
    if (Array.isArray(child)) yield* flat(child);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else yield typeof child === "object" ? child : String(child);
  }
}

/** Makes `parent` hold what `described` (one description or several) says, and nothing else. */
export function patch(parent, described) {
  const wanted = [...flat([described])];
  const byKey = new Map();
  const unkeyed = [];
  for (const node of parent.childNodes) {
    const key = shown.get(node)?.key;
    if (key === undefined) unkeyed.push(node);
    else byKey.set(key, node);
  }
  let next = 0;
  const placed = wanted.map((child) => {
    let found = byKey.get(child.key);
    if (child.key === undefined) {
      const at = unkeyed.slice(next, next + LOOK_AHEAD).findIndex((node) => isSame(node, child));
      if (at >= 0) {
        found = unkeyed[next + at];
        next += at + 1;
      }
    }
    return found && isSame(found, child) ? update(found, child) : create(child);
  });
  // What is gone goes first, so that what stays need not be moved: a move loses focus.
  const kept = new Set(placed);
  // A copy: what is iterated over shrinks.
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  let place = parent.firstChild;
  for (const node of placed) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

function isSame(node, child) {
  const before = shown.get(node);
  if (typeof child === "string") return typeof before === "string";
  return before?.tag === child.tag && before.key === child.key;
}

function create(child) {
  if (typeof child === "string") {
    const node = document.createTextNode(child);
    shown.set(node, child);
    return node;
  }
  const node = SVG_TAGS.has(child.tag)
    ? document.createElementNS(SVG, child.tag)
    : document.createElement(child.tag);
  return update(node, child);
}

function update(node, child) {
  const before = shown.get(node);
  if (before === child) return node;
  shown.set(node, child);
  if (typeof child === "string") {
    node.data = child;
    return node;
  }
  // Children first: a select can only hold a value that it has an option for.
  if (child.children !== null) patch(node, child.children);
  setProps(node, before?.props ?? {}, child.props);
  listen(node, child.on ?? {});
  return node;
}

function setProps(node, before, after) {
  for (const name of Object.keys(before)) if (!(name in after)) setProp(node, name, undefined);
  for (const [name, value] of Object.entries(after)) {
    if (before[name] !== value) setProp(node, name, value);
  }
}

function setProp(node, name, value) {
  if (LIVE.has(name)) {
    const wanted = value ?? (name === "value" ? "" : false);
    if (node[name] !== wanted) node[name] = wanted;
  } else if (value === undefined || value === null || value === false) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

function listen(node, wanted) {
  const now = listeners.get(node) ?? {};
  listeners.set(node, wanted);
  for (const event of Object.keys(wanted)) {
    if (!(event in now)) node.addEventListener(event, hear);
  }
  for (const event of Object.keys(now)) {
    if (!(event in wanted)) node.removeEventListener(event, hear);
  }
}

function hear(event) {
  listeners.get(event.currentTarget)?.[event.type]?.(event);
}

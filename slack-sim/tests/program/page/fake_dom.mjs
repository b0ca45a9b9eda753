// As much of a document as patching needs, counting what is moved.

class Node {
  parent = null;
  childNodes = [];
  moves = 0;

  get firstChild() {
    return this.childNodes[0] ?? null;
  }
  get nextSibling() {
    const all = this.parent.childNodes;
    return all[all.indexOf(this) + 1] ?? null;
  }
  remove() {
    this.parent.childNodes = this.parent.childNodes.filter((node) => node !== this);
    this.parent = null;
  }
  insertBefore(node, place) {
    if (node.parent) node.remove();
    node.moves += 1;
    node.parent = this;
    const at = place ? this.childNodes.indexOf(place) : this.childNodes.length;
    this.childNodes.splice(at, 0, node);
  }
}

class Element extends Node {
  attributes = {};
  listeners = {};
  value = "";

  constructor(tag) {
    super();
    this.tag = tag;
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }
  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }
  removeEventListener(type) {
    delete this.listeners[type];
  }
  dispatch(type) {
    this.listeners[type]?.({ type, currentTarget: this, target: this });
  }
  get text() {
    return this.childNodes.map((node) => node.data ?? node.text).join("");
  }
}

export const document = {
  createElement: (tag) => new Element(tag),
  createElementNS: (_, tag) => new Element(tag),
  createTextNode: (data) => Object.assign(new Node(), { data }),
};

/** An element to patch, in a document of its own. */
export function root() {
  globalThis.document = document;
  return new Element("root");
}

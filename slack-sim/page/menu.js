// `<sim-menu>`: a button and the menu that it opens. Arrows move, Escape and Tab close.

import { h, patch } from "./dom.js";
import { icon } from "./icons.js";
import { setOpen } from "./popover.js";

class Menu extends HTMLElement {
  #config = null;
  #open = false;

  /** `{label, items}`; an item is `{key, shown, about, url, choose}`. */
  set config(config) {
    this.#config = config;
    this.#draw();
  }

  #draw() {
    const { label, items } = this.#config;
    const toggle = { click: () => (this.#open ? this.#close() : this.#show()) };
    const props = {
      type: "button",
      class: "button more",
      "aria-label": label,
      "aria-haspopup": "menu",
    };
    patch(this, [
      h("button", { ...props, "aria-expanded": String(this.#open), on: toggle }, icon("more")),
      h(
        "div",
        {
          class: "options menu",
          popover: "manual",
          role: "menu",
          "aria-label": label,
          on: { keydown: (event) => this.#key(event), focusout: (event) => this.#left(event) },
        },
        items.map((item) => this.#item(item)),
      ),
    ]);
    setOpen(this.#menu, this.#open, this.#button);
  }

  #item({ key, shown, about, url, choose }) {
    const click = () => {
      this.#close();
      choose();
    };
    const props = { key, role: "menuitem", tabindex: -1, "data-value": key, on: { click } };
    const inner = [h("span", {}, shown), about && h("span", { class: "about" }, about)];
    if (!url) return h("button", { ...props, type: "button" }, inner);
    return h("a", { ...props, href: url, target: "_blank", rel: "noopener noreferrer" }, inner);
  }

  get #button() {
    return this.querySelector("button");
  }
  get #menu() {
    return this.querySelector("[role=menu]");
  }

  #show() {
    this.#open = true;
    this.#draw();
    this.#menu.querySelector("[role=menuitem]")?.focus();
  }

  #close() {
    const hadFocus = this.contains(document.activeElement);
    this.#open = false;
    this.#draw();
    if (hadFocus) this.#button.focus();
  }

  #left({ relatedTarget }) {
    if (!this.#open || this.contains(relatedTarget)) return;
    this.#open = false;
    this.#draw();
  }

  #key(event) {
    const items = [...this.#menu.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(document.activeElement);
    const to = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items[to].focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    }
  }
}

customElements.define("sim-menu", Menu);

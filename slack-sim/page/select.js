// `<sim-select>`: choosing one or several of many by typing, a combobox with a list.
//
// It owns what is open, what is typed and which option is at hand; what is chosen is told to it and
// told by it (`config.choose`). The keyboard works as the ARIA practices describe: arrows, Enter,
// Escape, and in a list of several Backspace.

import { h, patch } from "./dom.js";
import { Finder } from "./finder.js";
import { icon } from "./icons.js";
import { setOpen } from "./popover.js";

class Select extends HTMLElement {
  #config = null;
  #open = false;
  #typed = "";
  #at = 0;
  #found = new Finder(() => this.#move(0));
  #follow = () => setOpen(this.#popover, this.#open, this.#field);

  /**
   * `{id, label, labelledBy, describedBy, isWrong, placeholder, autofocus, isMultiple, most,
   * chosen, groups | search, shortest, isClearable, choose}`; an option is `{key, words, shown,
   * about}`, a group `{label, options}`.
   */
  set config(config) {
    this.#config = config;
    if (this.#open && config.groups) this.#found.find(config, this.#typed);
    this.#at = Math.max(0, Math.min(this.#at, this.#found.options.length - 1));
    this.#draw();
  }

  disconnectedCallback() {
    this.#listen(false);
  }

  get #field() {
    return this.querySelector(".field");
  }
  get #popover() {
    return this.querySelector(".options");
  }

  #draw() {
    const { chosen, isMultiple, isClearable } = this.#config;
    const clear = isClearable && !isMultiple && chosen.length > 0;
    patch(this, [
      h("div", { class: "field", on: { click: () => this.#focus() } }, [
        isMultiple && chosen.map((option) => this.#chip(option)),
        this.#input(),
        clear && button("Clear", "close", () => this.#config.choose([])),
        icon("down"),
      ]),
      h("div", { class: "options", popover: "manual" }, this.#list()),
    ]);
    this.#follow();
  }

  /** The option at hand is at the `index`-th of those found. */
  #move(index) {
    this.#at = index;
    this.#draw();
    this.#popover.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }

  #input() {
    const { id, label, labelledBy, describedBy, isWrong, placeholder, chosen } = this.#config;
    const { isMultiple, autofocus } = this.#config;
    const isOpen = this.#open;
    const said = isMultiple ? "" : (chosen[0]?.words ?? "");
    return h("input", {
      id,
      role: "combobox",
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      autofocus,
      value: isOpen ? this.#typed : said,
      placeholder: (isOpen && said) || (chosen.length === 0 ? placeholder : undefined),
      "aria-label": labelledBy ? undefined : label,
      "aria-describedby": describedBy,
      "aria-invalid": isWrong ? "true" : undefined,
      "aria-autocomplete": "list",
      "aria-expanded": String(isOpen),
      "aria-controls": `${this.#name}-list`,
      "aria-activedescendant":
        isOpen && this.#found.options.length > 0 ? `${this.#name}-${this.#at}` : undefined,
      on: {
        input: ({ target }) => this.#type(target.value),
        keydown: (event) => this.#key(event),
        blur: () => this.#close(),
      },
    });
  }

  #chip(option) {
    const rest = () => this.#config.chosen.filter(({ key }) => key !== option.key);
    const remove = () => this.#config.choose(rest());
    return h(
      "span",
      { key: option.key, class: "chip" },
      option.shown,
      button(`Remove ${option.words}`, "close", remove),
    );
  }

  #list() {
    const { groups } = this.#found;
    const { isMultiple, most } = this.#config;
    let index = -1;
    const chosen = new Set(this.#config.chosen.map(({ key }) => key));
    const said = this.#isFull ? `No more than ${most} can be chosen` : this.#found.said;
    const row = (option) => {
      index += 1;
      const mine = index;
      const choose = () => this.#choose(this.#found.options[mine]);
      return h(
        "li",
        {
          key: option.key,
          id: `${this.#name}-${index}`,
          role: "option",
          class: chosen.has(option.key) ? "chosen" : undefined,
          "aria-selected": String(index === this.#at),
          "aria-checked": isMultiple ? String(chosen.has(option.key)) : undefined,
          "data-value": option.key,
          on: { click: choose },
        },
        h("span", {}, option.shown),
        option.about && h("span", { class: "about" }, option.about),
      );
    };
    const list = groups.map(({ label, options }, nth) => {
      const rows = options.map(row);
      if (!label) return rows;
      const id = `${this.#name}-group-${nth}`;
      const title = h("p", { id, role: "presentation" }, label);
      return h("ul", { key: `group ${nth}`, role: "group", "aria-labelledby": id }, title, rows);
    });
    // A press in the list must not take the focus from the field, which would close the list.
    const on = { mousedown: (event) => event.preventDefault() };
    return [
      h("ul", { id: `${this.#name}-list`, role: "listbox", "aria-label": "Options", on }, list),
      h("p", { class: "said", role: "status" }, said),
    ];
  }

  get #name() {
    return `${this.#config.name}-options`;
  }
  get #isFull() {
    const { chosen, isMultiple, most = Infinity } = this.#config;
    return isMultiple && chosen.length >= most;
  }

  #focus() {
    this.querySelector("input").focus();
    if (!this.#open) this.#type("");
  }

  #type(typed) {
    this.#typed = typed;
    this.#open = true;
    this.#listen(true);
    this.#find();
  }

  #close() {
    this.#open = false;
    this.#typed = "";
    this.#found.stop();
    this.#listen(false);
    this.#draw();
  }

  #find() {
    this.#found.find(this.#config, this.#typed);
    this.#move(0);
  }

  #choose(option) {
    const { chosen, isMultiple, choose } = this.#config;
    if (!option) return;
    if (!isMultiple) {
      this.#close();
      choose([option]);
      return;
    }
    const others = chosen.filter(({ key }) => key !== option.key);
    const isNew = others.length === chosen.length;
    if (isNew && this.#isFull) return;
    choose(isNew ? [...chosen, option] : others);
    this.#type("");
  }

  #key(event) {
    const { chosen, isMultiple, choose } = this.#config;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step) {
      event.preventDefault();
      if (!this.#open) return this.#type("");
      const count = this.#found.options.length;
      this.#move(count && (this.#at + step + count) % count);
    } else if (event.key === "Enter") {
      // Never submits the form around it.
      event.preventDefault();
      if (this.#open) this.#choose(this.#found.options[this.#at]);
      else this.#type("");
    } else if (event.key === "Escape" && this.#open) {
      // Closes the list, not the modal around it.
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    } else if (event.key === "Backspace" && isMultiple && event.target.value === "") {
      choose(chosen.slice(0, -1));
    }
  }

  #listen(isOn) {
    for (const [target, event] of [
      [document, "scroll"],
      [window, "resize"],
    ]) {
      if (isOn) target.addEventListener(event, this.#follow, true);
      else target.removeEventListener(event, this.#follow, true);
    }
  }
}

function button(label, drawing, press) {
  const click = (event) => {
    event.stopPropagation();
    press();
  };
  return h(
    "button",
    { type: "button", class: "small", "aria-label": label, on: { click } },
    icon(drawing, 12),
  );
}

customElements.define("sim-select", Select);

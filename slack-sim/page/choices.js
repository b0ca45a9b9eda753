// Checkboxes and radio buttons.

import { enter } from "./actions.js";
import { h } from "./dom.js";
import { textObject } from "./text.js";

export function checkboxes(it, use) {
  const chosen = use.surface.form.value(use.block, it) ?? [];
  const isChosen = (option) => chosen.some(({ value }) => value === option.value);
  const toggle = (option) => {
    // In the order of the options, as Slack sends them.
    const after = it.options.filter((one) => isChosen(one) !== (one.value === option.value));
    enter(use, use.block, it, after);
  };
  return choices("checkbox", it, use, isChosen, toggle);
}

export function radioButtons(it, use) {
  const chosen = use.surface.form.value(use.block, it);
  const isChosen = (option) => chosen?.value === option.value;
  return choices("radio", it, use, isChosen, (option) => enter(use, use.block, it, option));
}

function choices(type, it, use, isChosen, choose) {
  const { id, label, labelledBy, describedBy, isWrong, reader } = use;
  const group = `${id}-${it.action_id}`;
  return h(
    "div",
    {
      class: "choices",
      role: type === "radio" ? "radiogroup" : "group",
      "aria-labelledby": labelledBy,
      "aria-label": labelledBy ? undefined : label || "Choices",
      "aria-describedby": describedBy,
      "aria-invalid": isWrong && type === "radio" ? "true" : undefined,
    },
    it.options.map((option, index) => {
      const described = option.description && `${group}-${index}-about`;
      return h("div", { key: option.value, class: "choice" }, [
        h("label", {}, [
          h("input", {
            type,
            name: group,
            checked: isChosen(option),
            "data-value": option.value,
            "aria-describedby": described,
            autofocus: it.focus_on_load === true && index === 0,
            on: { change: () => choose(option) },
          }),
          h("span", {}, textObject(option.text, reader)),
        ]),
        described &&
          h("p", { id: described, class: "about" }, textObject(option.description, reader)),
      ]);
    }),
  );
}

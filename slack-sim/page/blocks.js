// Block Kit's blocks (docs.slack.dev, reference/block-kit/blocks).
//
// To add one, add a function to BLOCKS: from the block and its use to a description. `use` is
// `{reader, surface, blocks, id, errors}`: for whom it is drawn, what is filled in there, its
// siblings, an id that nothing else on the page has, and what is wrong with the input.

import { h } from "./dom.js";
import { element, image, isGroup } from "./elements.js";
import { richText } from "./rich_text.js";
import { plain, textObject, words } from "./text.js";
import { unsupported } from "./unsupported.js";

/** All blocks of a message or a view. */
export function blocks(all, { reader, surface, errors }) {
  return h(
    "div",
    { class: "blocks" },
    all.map((block, index) => {
      const use = {
        reader,
        surface,
        errors,
        blocks: all,
        id: `${reader.pane}-${surface.number}-${index}`,
      };
      return framed(block, index, use);
    }),
  );
}

function framed(block, index, use) {
  const type = block?.type;
  const key = `${type} ${block?.block_id ?? index}`;
  return h(
    "div",
    { key, class: "block", "data-type": type, "data-block-id": block?.block_id },
    drawn(block, use),
  );
}

/** One block that cannot be drawn is no reason not to see the others. */
function drawn(block, use) {
  const draw = Object.hasOwn(BLOCKS, block?.type) ? BLOCKS[block.type] : null;
  try {
    return draw ? draw(block, use) : unsupported("block", block);
  } catch (error) {
    console.warn(`cannot draw a block: ${error.message}`);
    return unsupported("block", block);
  }
}

const BLOCKS = {
  header: (block, { reader }) => h("h2", {}, plain(block.text, reader)),

  divider: () => h("hr"),

  section(block, use) {
    const { text, fields, accessory } = block;
    return [
      h("div", { class: "section-text" }, [
        text && h("div", { class: "text" }, textObject(text, use.reader)),
        fields && [
          h(
            "div",
            { class: "fields" },
            fields.map((one) => h("div", { class: "text" }, textObject(one, use.reader))),
          ),
        ],
      ]),
      accessory && [
        h("div", { class: "accessory" }, element(accessory, { ...use, block, label: words(text) })),
      ],
    ];
  },

  actions: (block, use) =>
    h(
      "div",
      { class: "row" },
      block.elements.map((one) => element(one, { ...use, block })),
    ),

  context: (block, { reader }) =>
    block.elements.map((one) => {
      if (one.type === "image") return image(one, "context-image");
      if (one.type !== "mrkdwn" && one.type !== "plain_text") return unsupported("element", one);
      return h("span", { class: "text" }, textObject(one, reader));
    }),

  input,

  image: (block, { reader }) =>
    h("figure", {}, [
      block.title && h("figcaption", {}, plain(block.title, reader)),
      image(block, "picture-block"),
    ]),

  rich_text: (block, { reader }) => richText(block, reader),
};

function input(block, use) {
  const { label, hint, optional } = block;
  const error = use.errors?.[block.block_id];
  const { id } = use;
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const name = [
    plain(label, use.reader),
    optional && h("span", { class: "optional" }, " (optional)"),
  ];
  return h("div", { class: error ? "input wrong" : "input" }, [
    isGroup(block.element)
      ? h("div", { class: "label", id: `${id}-label` }, name)
      : h("label", { class: "label", id: `${id}-label`, for: id }, name),
    element(block.element, {
      ...use,
      block,
      id,
      label: words(label),
      labelledBy: `${id}-label`,
      describedBy: described || undefined,
      isWrong: Boolean(error),
    }),
    error && h("p", { class: "error", id: `${id}-error` }, error),
    hint && h("p", { class: "hint", id: `${id}-hint` }, plain(hint, use.reader)),
  ]);
}

// What the gallery shows: one message with every block, one with every element, and three views.

const plain = (text) => ({ type: "plain_text", text });
const mrkdwn = (text) => ({ type: "mrkdwn", text });
const option = (text, value) => ({ text: plain(text), value });
const OPTIONS = [option("Red", "red"), option("Green", "green"), option("Blue", "blue")];

/** The smallest picture there is. */
const PIXEL = "https://pictures.example.com/pixel.png";

const HOSTILE =
  "<script>document.title='taken'</script> &lt;b&gt;not bold&lt;/b&gt; <javascript:alert(1)|run me>";

export const everyBlock = [
  { type: "header", text: plain("The gallery") },
  {
    type: "section",
    text: mrkdwn(
      "*bold* _italic_ ~struck~ `code` <https://example.com|a link> <@U0BOB> <#C0GENERAL> <!subteam^S0LEADS>",
    ),
    accessory: { type: "image", image_url: PIXEL, alt_text: "a pixel" },
  },
  { type: "section", fields: [mrkdwn("*Left*\none"), mrkdwn("*Right*\ntwo")] },
  { type: "section", text: mrkdwn("At <!date^1392734382^{date_num} {time}|some time> it was") },
  { type: "section", text: plain(HOSTILE) },
  { type: "section", text: mrkdwn(HOSTILE) },
  { type: "divider" },
  { type: "image", image_url: PIXEL, alt_text: "another pixel", title: plain("A picture") },
  {
    type: "context",
    elements: [mrkdwn("small print"), { type: "image", image_url: PIXEL, alt_text: "third" }],
  },
  {
    type: "rich_text",
    elements: [
      {
        type: "rich_text_section",
        elements: [
          { type: "text", text: "rich and bold", style: { bold: true } },
          { type: "user", user_id: "U0BOB" },
          { type: "link", url: "https://example.com/rich", text: "a rich link" },
        ],
      },
      {
        type: "rich_text_list",
        style: "bullet",
        elements: [{ type: "rich_text_section", elements: [{ type: "text", text: "an item" }] }],
      },
      { type: "rich_text_preformatted", elements: [{ type: "text", text: "let x = 1;" }] },
      { type: "rich_text_quote", elements: [{ type: "text", text: "quoted" }] },
    ],
  },
  {
    type: "video",
    title: plain("A film"),
    title_url: "https://films.example.com/film",
    video_url: "https://films.example.com/embed",
    thumbnail_url: PIXEL,
    alt_text: "a film",
  },
];

const labelled = (label, element) => ({
  type: "section",
  block_id: element.action_id,
  text: mrkdwn(label),
  accessory: element,
});

const confirm = {
  title: plain("Are you sure?"),
  text: plain("It cannot be undone."),
  confirm: plain("Do it"),
  deny: plain("Leave it"),
};

export const everyElement = [
  {
    type: "actions",
    block_id: "buttons",
    elements: [
      { type: "button", action_id: "go", text: plain("Go"), style: "primary", value: "1" },
      {
        type: "button",
        action_id: "destroy",
        text: plain("Destroy"),
        style: "danger",
        value: "2",
        confirm,
      },
      { type: "datepicker", action_id: "day", initial_date: "2026-01-31" },
      { type: "timepicker", action_id: "hour", initial_time: "08:00" },
    ],
  },
  labelled("A colour", {
    type: "static_select",
    action_id: "colour",
    options: OPTIONS,
    placeholder: plain("Colour"),
  }),
  labelled("Searched", {
    type: "external_select",
    action_id: "searched",
    min_query_length: 1,
    placeholder: plain("Search"),
  }),
  labelled("Somebody", {
    type: "users_select",
    action_id: "somebody",
    placeholder: plain("Somebody"),
  }),
  labelled("Boxes", { type: "checkboxes", action_id: "boxes", options: OPTIONS }),
  labelled("One of them", { type: "radio_buttons", action_id: "one", options: OPTIONS }),
  labelled("More", { type: "overflow", action_id: "more", options: OPTIONS }),
];

const input = (label, action_id, element, rest = {}) => ({
  type: "input",
  block_id: action_id,
  label: plain(label),
  element: { action_id, ...element },
  ...rest,
});

const modal = (callback_id, title, blocks) => ({
  type: "modal",
  callback_id,
  title: plain(title),
  submit: plain("Send"),
  close: plain("Cancel"),
  notify_on_close: true,
  blocks,
});

export const first = modal("first", "The first", [
  input(
    "Your name",
    "name",
    { type: "plain_text_input", max_length: 20 },
    { hint: plain("At most 20 letters") },
  ),
  input("A number", "number", { type: "number_input", is_decimal_allowed: false }),
  input("Colours", "colours", {
    type: "multi_static_select",
    options: OPTIONS,
    placeholder: plain("Colours"),
  }),
]);

export const second = modal("second", "The second", [
  ...first.blocks,
  { type: "section", text: mrkdwn("A line that was not there before") },
]);

export const third = modal("third", "The third", [
  input("Anything else", "else", { type: "plain_text_input", multiline: true }, { optional: true }),
]);

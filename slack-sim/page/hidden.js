// Words for those who listen, where those who look see a sign.

import { h } from "./dom.js";

export const hidden = (text) => h("span", { class: "hidden" }, ` ${text} `);

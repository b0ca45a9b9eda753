// The app behind the gallery: it keeps what reaches it, and answers what it is told to.

import { createServer } from "node:http";

const OPTIONS = ["Heron", "Hawk", "Hen"];

export class App {
  received = [];
  /** What the next submission is answered with. */
  answer = "";
  #waiting = [];

  constructor(slack, token) {
    this.slack = slack;
    this.token = token;
  }

  /** Listens on a free port of this machine, and tells the simulator where. */
  async start() {
    const server = createServer((request, response) => this.#take(request, response));
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${server.address().port}`;
    await this.#post(`${this.slack}control/app`, { url });
    return () => server.close();
  }

  /** Calls a method of the Web API. */
  async call(method, args) {
    const answer = await this.#post(`${this.slack}api/${method}`, args, {
      authorization: `Bearer ${this.token}`,
    });
    if (!answer.ok) throw new Error(`${method}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** The next payload of this kind that nobody has asked for yet. */
  async next(type, wanted = () => true) {
    const deadline = AbortSignal.timeout(15_000);
    for (;;) {
      const at = this.received.findIndex((one) => one.type === type && wanted(one));
      if (at >= 0) return this.received.splice(at, 1)[0];
      await new Promise((woken, failed) => {
        this.#waiting.push(woken);
        deadline.addEventListener("abort", () => failed(new Error(`no ${type} reached the app`)));
      });
    }
  }

  async #post(url, body, headers = {}) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8", ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
    return response.json();
  }

  async #take(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const payload = form.has("payload")
      ? JSON.parse(form.get("payload"))
      : { type: "command", ...Object.fromEntries(form) };
    const answer = this.#answer(payload);
    response.setHeader("content-type", "application/json");
    response.end(answer === "" ? "" : JSON.stringify(answer));
    this.received.push(payload);
    this.#waiting.splice(0).forEach((wake) => wake());
  }

  #answer({ type, value }) {
    if (type === "view_submission") return this.answer;
    if (type !== "block_suggestion") return "";
    const found = OPTIONS.filter((name) => name.toLowerCase().includes(value.toLowerCase()));
    const options = found.map((name) => ({
      text: { type: "plain_text", text: name },
      value: name.toLowerCase(),
    }));
    return { options };
  }
}

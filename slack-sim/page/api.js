// The calls of the control API that the page makes.
//
// Every call has a time limit. A refusal becomes a `Refused`, no answer at all becomes `Gone`; what
// either says is for people to read.

class Refused extends Error {
  constructor(status, { error, message }) {
    super(sentence(message ?? `the simulator answered ${status}`));
    this.name = error ?? "refused";
  }
}

export class Gone extends Error {
  constructor(cause) {
    super("The simulator does not answer.", { cause });
  }
}

const A_WHILE = 20_000;
/** A wait for changes lasts 25 s at most. */
const A_WAIT = 35_000;

export const workspace = () => call("GET", "workspace");
export const sees = (person) => call("GET", `people/${encodeURIComponent(person)}/sees`);
export const changes = (after) => call("GET", `changes?after=${after}`, undefined, A_WAIT);
export const advance = (by) => call("POST", "clock", { advance: by });

/** Does something as a person: `what` is `command`, `messages`, `actions`, `submissions`, … */
export const act = (person, what, body) =>
  call("POST", `people/${encodeURIComponent(person)}/${what}`, body);

async function call(method, path, body, limit = A_WHILE) {
  let status;
  let answer;
  try {
    const response = await fetch(`/control/${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(limit),
    });
    status = response.status;
    answer = await response.json();
  } catch (error) {
    throw new Gone(error);
  }
  if (status !== 200) throw new Refused(status, answer);
  return answer;
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1).replace(/[.]?$/, ".");

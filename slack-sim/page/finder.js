// What a select offers for what is typed: of options that are at hand, those that match; else what
// a search brings, which takes a while, may fail, and counts only if nothing was typed since.

/** How long a person pauses before a search begins, in milliseconds. */
const PAUSE = 200;
/** More than this are found by typing. */
const MOST_SHOWN = 100;

export class Finder {
  /** Groups of options, and what there is to say about them. */
  groups = [];
  said = "";
  #asked = 0;

  /** `arrived` is called when the answer of a search is there. */
  constructor(arrived) {
    this.arrived = arrived;
  }

  get options() {
    return this.groups.flatMap(({ options }) => options);
  }

  /** Finds what fits `typed`: in `groups`, or by `search` from `shortest` characters on. */
  find({ groups, search, shortest = 0 }, typed) {
    this.stop();
    const wanted = typed.trim();
    const missing = shortest - wanted.length;
    if (groups) this.#show(matching(groups, wanted));
    else if (missing > 0) this.#show([], `Type ${missing} more character${missing > 1 ? "s" : ""}`);
    else this.#search(search, wanted);
  }

  /** What is still searched for is wanted no more. */
  stop() {
    this.#asked += 1;
  }

  #search(search, wanted) {
    this.said = "Searching…";
    const mine = this.#asked;
    setTimeout(async () => {
      if (mine !== this.#asked) return;
      const answer = await search(wanted).then(
        (groups) => [groups],
        (error) => [[], error.message],
      );
      if (mine !== this.#asked) return;
      this.#show(...answer);
      this.arrived();
    }, PAUSE);
  }

  #show(groups, said) {
    this.groups = groups;
    this.said = said ?? (this.options.length === 0 ? "No results" : "");
  }
}

function matching(groups, wanted) {
  const low = wanted.toLowerCase();
  let room = MOST_SHOWN;
  const found = groups.map(({ label, options }) => {
    const fitting = options.filter(({ words }) => words.toLowerCase().includes(low)).slice(0, room);
    room -= fitting.length;
    return { label, options: fitting };
  });
  return found.filter(({ options }) => options.length > 0);
}

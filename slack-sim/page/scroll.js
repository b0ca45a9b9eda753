// A list that stands at its end stays at its end when it grows; anywhere else it stays where it is.

/** A list counts as at its end within this many pixels. */
const NEAR = 40;

/** Call before drawing; then what it answers, after. */
export function keepScroll(...parents) {
  const lists = () => parents.flatMap((parent) => [...parent.querySelectorAll(".log")]);
  const before = new Map(lists().map((list) => [list, isAtEnd(list)]));
  return () => {
    for (const list of lists()) {
      // A list that is new begins at its end.
      if (before.get(list) ?? true) list.scrollTop = list.scrollHeight;
    }
  };
}

const isAtEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;

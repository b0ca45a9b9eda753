// Looking into descriptions of elements.

/** Every element in a description (or several), outermost first. */
export function* elements(described) {
  for (const node of [described].flat(Infinity)) {
    if (!node || typeof node !== "object") continue;
    yield node;
    yield* elements(node.children ?? []);
  }
}

/** Everything that it says. */
export function textOf(described) {
  const nodes = [described].flat(Infinity).filter((node) => node);
  return nodes
    .map((node) => (typeof node === "string" ? node : textOf(node.children ?? [])))
    .join("");
}

/** The first element for which `wanted` holds. */
export function find(described, wanted) {
  for (const element of elements(described)) if (wanted(element)) return element;
  return undefined;
}

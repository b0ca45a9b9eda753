// Which addresses a text may lead to.

const SAFE = new Set(["http:", "https:", "mailto:"]);

/** The address in its normal form, or null if it is none or of a kind that is not followed. */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

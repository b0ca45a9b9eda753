// The same answer as before is the same value as before.
//
// Everything that a person sees comes anew with every change. Where a part of it is what it was,
// the old value is kept, so that whoever draws it can tell by identity that nothing is to be done.

/** `fresh`, with every part that equals its counterpart in `old` replaced by it. */
export function share(old, fresh) {
  if (old === fresh || typeof fresh !== "object" || typeof old !== "object" || !old || !fresh) {
    return fresh;
  }
  if (Array.isArray(fresh) !== Array.isArray(old)) return fresh;
  const keys = Object.keys(fresh);
  let isSame = keys.length === Object.keys(old).length;
  const made = Array.isArray(fresh) ? [] : {};
  for (const key of keys) {
    made[key] = share(old[key], fresh[key]);
    isSame &&= made[key] === old[key] && key in old;
  }
  return isSame ? old : made;
}

/** Choices that were changed here while the server was busy, and that it has changed as well: what becomes of both. */

const difference = (some, others) => some.filter((id) => !others.includes(id));

/** A list of ids as it was told, with what was added and removed here. */
function mergedIds(before, mine, told) {
  const added = difference(mine, before), removed = difference(before, mine);
  return [...difference(told, removed), ...difference(added, told)];
}

/**
 * @param before what the server had when it was asked.
 * @param mine what is chosen here now.
 * @param told what the server has now.
 * @param hasOwnHints whether it told hints that replace those that were here: another picture's, or those of a file.
 */
export function merged(before, mine, told, hasOwnHints) {
  const isChanged = (name) => JSON.stringify(mine[name]) !== JSON.stringify(before[name]);
  const later = (name) => (isChanged(name) ? mine[name] : told[name]);
  const references = mergedIds(before.references, mine.references, told.references);
  const used = mergedIds(before.used, mine.used, told.used).filter((id) => references.includes(id)).sort();
  const { hints, layer } = hasOwnHints ? told : { hints: later("hints"), layer: later("layer") };
  return { hints, layer, references, used, strength: later("strength"), vivid: later("vivid"), hint_reach: later("hint_reach") };
}

/** What acts on a terminal, reorders a line, passes for a new one or is not seen. */
export const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Text in which nothing acts or hides, at most `max` characters long. */
export function plain(text: string, max = 200): string {
  return shortened(text.replace(UNSEEN, '?'), max)
}

export function shortened(text: string, max: number): string {
  if (text.length <= max) return text
  // Not in the middle of a letter that is stored as two.
  const start = text.slice(0, max - 3).replace(/[\ud800-\udbff]$/, '')
  return `${start.trimEnd()}...`
}

/**
 * A name in a sentence that a person decides on. Whoever chose the name may want it to read like the rest of the
 * sentence: it ends where its quotes end, and a long one loses its middle, for its end says the most.
 */
export function quotedName(name: string, max = 40): string {
  const letters = Array.from(name.replace(UNSEEN, '?').replace(/\p{Quotation_Mark}/gu, "'"))
  if (letters.length <= max) return `"${letters.join('')}"`
  const start = Math.floor((max - 3) / 2)
  return `"${letters.slice(0, start).join('')}...${letters.slice(start + 3 - max).join('')}"`
}

/** `: "a", "b" and 5 more` of `total` names; nothing where there are none. */
export function someNames(names: readonly string[], total = names.length, most = 3): string {
  const shown = names.slice(0, most).map((name) => quotedName(name))
  const rest = total - shown.length
  return shown.length === 0 ? '' : `: ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/**
 * Whether a pattern with `*` (any text) and `?` (one character) fits a text. Greedy with one point to fall back to: at
 * most pattern length x text length steps, whatever an operator writes and an agent names.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = Array.from(pattern)
  const given = Array.from(text)
  let p = 0
  let starAt = -1
  let resumeAt = 0
  for (let t = 0; t < given.length; ) {
    if (wanted[p] === '*') {
      starAt = p++
      resumeAt = t
    } else if (wanted[p] === '?' || (p < wanted.length && wanted[p] === given[t])) {
      p++
      t++
    } else if (starAt >= 0) {
      p = starAt + 1
      t = ++resumeAt
    } else {
      return false
    }
  }
  while (wanted[p] === '*') p++
  return p === wanted.length
}

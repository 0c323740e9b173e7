/** What counts as not set: an empty value, and a literal `${...}` that a client handed over because it had no value. */

export function unlessUnset(value: unknown): unknown {
  if (Array.isArray(value)) {
    const set = value.filter((entry) => unlessUnset(entry) !== undefined)
    return set.length > 0 || value.length === 0 ? set : undefined
  }
  return isUnexpanded(value) || (typeof value === 'string' && value.trim() === '') ? undefined : value
}

export function isUnexpanded(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isUnexpanded)
  return typeof value === 'string' && /^\$\{.*\}$/s.test(value.trim())
}

/** The time to live, in whole seconds from now, at whose end Morph has that moment. At least the least it takes. */
export function lifetime(expiresAt: string, now: number): number {
  return Math.max(1, Math.ceil((Date.parse(expiresAt) - now) / 1000))
}

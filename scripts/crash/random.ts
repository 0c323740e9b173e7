/** Numbers from 0 to 1, the same for the same seed (Park and Miller's generator). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** Some of them, in their order. */
export function sampleOf<T>(items: readonly T[], count: number, random: () => number): T[] {
  const chosen = items
    .map((item, n) => ({ item, n, key: random() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
  return chosen.sort((a, b) => a.n - b.n).map(({ item }) => item)
}

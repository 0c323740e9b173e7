/** Samples to statistics, statistics to Markdown. */

/** The value below which the given share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

export const median = (samples: readonly number[]) => quantile(samples, 0.5)

/** A Markdown table; the first columns are text, the others numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column < texts ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

export const milliseconds = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0))
export const seconds = (ms: number) => (ms / 1000).toFixed(ms < 1000 ? 3 : 2)
export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

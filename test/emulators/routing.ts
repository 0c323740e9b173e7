import type { Handler } from './http.ts'

/** Handlers by `METHOD /path/{parameter}`. A last segment `{name...}` takes the rest of the path, slashes included. */
export type Routes = Record<string, Handler>

export interface Match {
  /** The key in the table. */
  route: string
  params: Record<string, string>
  handler: Handler
}

/** Finds the handler for a method and a path as it came over the wire. One trailing slash is forgiven. */
export function router(routes: Routes): (method: string, path: string) => Match | undefined {
  const table = Object.entries(routes).map(([route, handler]) => {
    const [method, pattern] = route.split(' ') as [string, string]
    return { route, method, pattern: pattern.split('/'), handler }
  })
  // The more literal pattern wins: `/volumes/snapshots/{id}` before `/volumes/{id}/snapshots`.
  table.sort((a, b) => compare(rank(a.pattern), rank(b.pattern)))

  const find = (method: string, segments: string[]): Match | undefined => {
    for (const { route, method: wanted, pattern, handler } of table) {
      const params = method === wanted ? bind(pattern, segments) : undefined
      if (params) return { route, params, handler }
    }
    return undefined
  }
  return (method, path) => {
    const segments = (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path).split('/')
    return find(method, segments) ?? (method === 'HEAD' ? find('GET', segments) : undefined)
  }
}

/** One character a segment; literals sort before parameters, those before a rest. */
function rank(pattern: string[]): string {
  return pattern.map((part) => (part.endsWith('...}') ? '2' : part.startsWith('{') ? '1' : '0')).join('')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function bind(pattern: string[], segments: string[]): Record<string, string> | undefined {
  const rest = pattern.at(-1)?.endsWith('...}') ?? false
  if (rest ? segments.length < pattern.length : segments.length !== pattern.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!
    if (part.endsWith('...}')) params[part.slice(1, -4)] = segments.slice(index).map(decode).join('/')
    else if (!part.startsWith('{')) {
      if (part !== segment) return undefined
    } else if (segment === '') return undefined
    else params[part.slice(1, -1)] = decode(segment)
  }
  return params
}

/** A segment that is not valid percent-encoding stands for itself. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

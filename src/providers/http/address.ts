import { fail } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'

/** Where a request goes. */
export interface Address {
  origin: string
  /** With the query. */
  path: string
}

export type Query = Record<string, string | number | boolean | undefined>

/** Builds addresses below a base URL. INVALID_ARGUMENT for a base that is none. */
export function addressesOf(
  baseUrl: string,
): (segments: readonly (string | number)[], query?: Query) => Address {
  const base = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (!base || !/^https?:$/.test(base.protocol) || base.username || base.password || base.search || base.hash)
    throw fail(
      'INVALID_ARGUMENT',
      'The base URL of a provider is not a plain http or https address.',
      'It looks like https://host/path, without a name, a password or a query.',
    )
  const prefix = base.pathname.replace(/\/+$/, '')
  return (segments, query) => ({
    origin: base.origin,
    path: `${prefix}/${segments.map(encode).join('/')}${search(query)}`,
  })
}

/**
 * One segment, whatever is in it: names hold slashes. An empty one or one of dots would make another address of it, a
 * whole list for example, and encoding does not help against that.
 */
function encode(segment: string | number): string {
  const text = String(segment)
  if (/^\.{0,2}$/.test(text) || !text.isWellFormed())
    throw fail('INVALID_ARGUMENT', `${JSON.stringify(text)} is not an id.`, 'snapshot_list shows the ids.')
  return encodeURIComponent(text)
}

/** An address that the vendor has handed out, where it is one that may see the key. */
export function handedOut(text: string, query: Query | undefined, trusts: (url: URL) => boolean): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || !trusts(url))
    throw fail(
      'UNSUPPORTED',
      `The provider points to ${url ? plain(url.host) : 'no address'}, which is not given the key.`,
      "Look at it in the provider's own console.",
    )
  for (const [key, value] of given(query)) url.searchParams.set(key, value)
  return { origin: url.origin, path: url.pathname + url.search }
}

function search(query: Query | undefined): string {
  const pairs = given(query)
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

function given(query: Query = {}): [string, string][] {
  return Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]))
}

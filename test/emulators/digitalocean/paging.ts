import type { Answer, Exchange } from '../http.ts'
import { refuse } from '../refusal.ts'
import { ASSUMED } from './assumptions.ts'
import { unprocessable } from './refusals.ts'

/**
 * One page of a list in its envelope. `links` has a page only where there is one to go to; when everything fits on
 * one page it is empty, and for images it then holds an empty `pages`.
 */
export function listing(exchange: Exchange, key: string, items: readonly unknown[]): Answer {
  const size = whole(exchange, 'per_page', 20, 200)
  const page = whole(exchange, 'page', 1, Number.MAX_SAFE_INTEGER)
  const last = Math.max(1, Math.ceil(items.length / size))
  const href = (to: number) => {
    const query = new URLSearchParams(exchange.query)
    query.set('page', String(to))
    query.set('per_page', String(size))
    return `http://${exchange.headers.host}${exchange.path}?${query}`
  }
  const pages = {
    ...(page > 1 ? { first: href(1), prev: href(Math.min(page - 1, last)) } : {}),
    ...(page < last ? { last: href(last), next: href(page + 1) } : {}),
  }
  const links = Object.keys(pages).length > 0 || key === 'images' ? { pages } : {}
  const shown = items.slice((page - 1) * size, page * size)
  return { status: 200, body: { [key]: shown, links, meta: { total: items.length } } }
}

function whole({ query }: Exchange, name: string, byDefault: number, most: number): number {
  const given = query.get(name)
  if (given === null) return byDefault
  const value = Number(given)
  if (!/^\d+$/.test(given) || value < 1 || value > most) refuse(unprocessable(ASSUMED.paging))
  return value
}

import type { Answer, Exchange } from '../http.ts'
import { queryFields } from './fields.ts'
import type { Instance, Snapshot } from './model.ts'

/** Those that the query asks for, newest first. A digest is taken as it is written, `undefined` included. */
export function filtered<T extends Snapshot | Instance>({ query }: Exchange, things: Iterable<T>): T[] {
  const digest = query.get('digest')
  const wanted = [...query].flatMap(([key, value]) => {
    const [, name] = /^metadata\[(.*)\]$/.exec(key) ?? []
    return name === undefined ? [] : [[name, value] as const]
  })
  return [...things]
    .filter((thing) => digest === null || !('digest' in thing) || thing.digest === digest)
    .filter(({ metadata }) => wanted.every(([name, value]) => metadata[name] === value))
    .reverse()
}

export const whole = (data: unknown[]): Answer => ({ status: 200, body: { object: 'list', data } })

/** One page under the key, counted from 1. */
export function page(x: Exchange, key: string, items: unknown[]): Answer {
  const fields = queryFields(x)
  const number = fields.integer('page', 1) ?? 1
  const limit = fields.integer('limit', 1) ?? 50
  fields.done()
  const pages = Math.ceil(items.length / limit)
  const shown = items.slice((number - 1) * limit, number * limit)
  return {
    status: 200,
    body: {
      [key]: shown,
      total: items.length,
      page: number,
      size: limit,
      total_pages: pages,
      has_next: number < pages,
      has_prev: number > 1,
    },
  }
}

import { z } from 'zod'
import { digest } from '../guard/digest.ts'
import { fail, toProblem } from './errors.ts'
import type { Page } from './provider.ts'
import type { ListReply } from './replies.ts'

/** One provider's list, in its own order. */
export interface Stream<T> {
  provider: string
  fetch(cursor: string | undefined): Promise<Page<T>>
}

export interface Merge<T> {
  streams: readonly Stream<T>[]
  /** The order of the merged list; each stream must already be in it. */
  compare(a: T, b: T): number
  limit: number
  cursor?: string | undefined
  /** A cursor is good only for a call with the same filters. */
  filters: unknown
}

export interface Merged<T> {
  items: T[]
  next_cursor?: string
  errors?: NonNullable<ListReply['errors']>
}

/** Where each stream goes on: the page that `at` opens (absent: the first), and how many of its items are used up. */
const Positions = z.record(
  z.string(),
  z.strictObject({ at: z.string().optional(), used: z.int().nonnegative() }),
)
const Cursor = z.strictObject({ v: z.literal(1), filters: z.string(), positions: Positions })

/**
 * Several paged lists as one. A provider that fails is reported and does not hide the others; as long as they have
 * more, the cursor keeps its place and the next call tries it again.
 */
export async function mergePages<T>({
  streams,
  compare,
  limit,
  cursor,
  filters,
}: Merge<T>): Promise<Merged<T>> {
  const binding = digest(filters).slice(0, 16)
  const positions = cursor === undefined ? undefined : decode(cursor, binding)
  const readers = streams
    .filter(({ provider }) => !positions || Object.hasOwn(positions, provider))
    .map((stream) => createReader(stream, positions?.[stream.provider]))
  await Promise.all(readers.map((reader) => reader.fill()))

  const items: T[] = []
  while (items.length < limit) {
    const next = nextOf(readers, compare)
    if (!next) break
    items.push(next.take())
    if (items.length < limit) await next.fill()
  }

  const errors = readers.flatMap(({ error }) => error() ?? [])
  const [only] = readers
  if (only && readers.length === 1 && errors.length > 0) throw only.cause()
  const goesOn = readers.some((reader) => reader.hasMore())
  const left = readers.filter((reader) => reader.hasMore() || reader.error())
  const next = {
    v: 1,
    filters: binding,
    positions: Object.fromEntries(left.map((each) => [each.provider, each.position()])),
  }
  return {
    items,
    ...(goesOn && { next_cursor: Buffer.from(JSON.stringify(next)).toString('base64url') }),
    ...(errors.length > 0 && { errors }),
  }
}

/** The one whose item comes first. */
function nextOf<T>(readers: readonly Reader<T>[], compare: Merge<T>['compare']): Reader<T> | undefined {
  let best: Reader<T> | undefined
  for (const reader of readers) {
    if (reader.head() === undefined) continue
    if (!best || compare(reader.head() as T, best.head() as T) < 0) best = reader
  }
  return best
}

type Reader<T> = ReturnType<typeof createReader<T>>
type Position = z.infer<typeof Positions>[string]

/** A stream of which a page is fetched when something of it is wanted. */
function createReader<T>({ provider, fetch }: Stream<T>, start: Position = { used: 0 }) {
  let { at, used } = start
  let page: Page<T> | undefined
  let failure: NonNullable<Merged<T>['errors']>[number] | undefined
  let thrown: unknown

  async function load(): Promise<Page<T>> {
    const loaded = await fetch(at)
    if (loaded.next !== undefined && loaded.next === at) throw endless(provider)
    return loaded
  }
  const isUsedUp = (of: Page<T>) => used >= of.items.length && of.next !== undefined

  return {
    provider,
    head: () => page?.items[used],
    take() {
      const item = page?.items[used] as T
      used++
      return item
    },
    hasMore: () => page !== undefined && (used < page.items.length || page.next !== undefined),
    position(): Position {
      const from = page && isUsedUp(page) ? { at: page.next, used: used - page.items.length } : { at, used }
      return { ...(from.at !== undefined && { at: from.at }), used: from.used }
    },
    error: () => failure,
    cause: () => thrown,
    /** Makes sure that `head` is the next item, unless there is none. */
    async fill(): Promise<void> {
      try {
        page ??= await load()
        while (isUsedUp(page)) {
          used -= page.items.length
          at = page.next
          page = undefined
          page = await load()
        }
      } catch (error) {
        thrown = error
        const { code, message, retryable } = toProblem(error)
        failure = { provider, code, message, retryable }
      }
    },
  }
}

function endless(provider: string) {
  return fail(
    'PROVIDER_BUG',
    `The list of "${provider}" does not end.`,
    'Try again, or narrow the filters.',
    { provider },
  )
}

function decode(cursor: string, binding: string): z.infer<typeof Positions> {
  const { data } = Cursor.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')))
  if (data?.filters === binding) return data.positions
  throw fail(
    'INVALID_ARGUMENT',
    data ? 'This cursor belongs to a list with other filters.' : 'This is not a cursor of this list.',
    'Pass next_cursor as it was returned, with the same filters; or leave the cursor out to start anew.',
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

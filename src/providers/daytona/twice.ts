import type { CallContext } from '../http/exchange.ts'
import { GRACE_MS } from './assumptions.ts'
import type { Cloud } from './cloud.ts'

/** What was just changed need not show at once everywhere: what looks as if nothing had come of it is looked at again. */
export async function lookTwice<T>(
  look: (ctx: CallContext) => Promise<T>,
  odd: (seen: T) => boolean,
  { time }: Pick<Cloud, 'time'>,
  ctx: CallContext,
): Promise<T> {
  const seen = await look(ctx)
  if (!odd(seen)) return seen
  await time.sleep(GRACE_MS, ctx.signal)
  return look(ctx)
}

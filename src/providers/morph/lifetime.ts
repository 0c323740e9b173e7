import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { sendOnce } from '../once.ts'
import type { Morph } from './engine.ts'

/** The time to live, in whole seconds from now, at whose end Morph has that moment. At least the least it takes. */
export function lifetime(expiresAt: string, now: number): number {
  return Math.max(1, Math.ceil((Date.parse(expiresAt) - now) / 1000))
}

/**
 * Has the snapshot expire at that moment, or never. When nobody knows whether that arrived it is sent again: it does no
 * harm, while a look would take an equal one of earlier for it.
 */
export async function setLifetime(
  { api, time, random }: Morph,
  id: string,
  expiresAt: string | null,
  ctx: Context,
): Promise<void> {
  const set = async (call: CallContext) => {
    await api.setTtl(id, expiresAt === null ? null : lifetime(expiresAt, time.now()), call)
    return true
  }
  await sendOnce({ send: () => set(ctx), find: set }, { time, random }, ctx)
}

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalOptions } from '../../../src/providers/local/index.ts'
import type { Provider } from '../../../src/snapshots/provider.ts'
import { content } from '../../support/trees.ts'
import { context, type Workbench, workbench } from './support.ts'

export const KEY = content(32, 1)
/** Does not compress, so that a store without encryption shows it as it is. */
export const SECRET = content(3000, 3)
const SETTLED_MS = 80

export const storeOf = (box: Workbench) => join(box.home, 'store')

/** Every file of the store, by its path in it. */
export function filesOf(box: Workbench, under = ''): string[] {
  return readdirSync(join(storeOf(box), under), { withFileTypes: true }).flatMap((entry) => {
    const path = join(under, entry.name)
    return entry.isDirectory() ? filesOf(box, path) : [path]
  })
}

export async function filled(options: Partial<LocalOptions> = {}) {
  const box = workbench({ key: KEY, ...options })
  box.write('a file with a name.txt', SECRET)
  box.write('dir/large.bin', content(1_500_000, 4))
  box.write('dir/holes.bin', Buffer.concat([Buffer.alloc(1_048_576), SECRET]))
  const before = box.picture()
  await sleep(SETTLED_MS)
  const first = await box.save({ name: 'the name of it', note: 'a note', labels: { colour: 'mauve' } })
  box.write('dir/more.txt', 'more')
  box.write('a file with a name.txt', 'changed')
  const second = await box.save()
  return { box, before, first, second }
}

/** As in another process. */
export async function reopened(box: Workbench, options: Partial<LocalOptions> = {}): Promise<Provider> {
  await box.provider.close?.()
  return box.open(options)
}

export async function restore(
  provider: Provider,
  snapshot: string,
  fields: { to?: string; paths?: string[] } = {},
) {
  const mode = fields.to === undefined ? ('in_place' as const) : ('new' as const)
  const plan = await provider.planRestore({ snapshot, mode, count: 1, ...fields }, context())
  return provider.restore(plan, context())
}

export const again = (box: Workbench) => ({
  source: { kind: 'path', id: box.root, name: 'root' },
  ...{ name: 'again', labels: {}, auto: false, protected: false },
})

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createLocalProvider, type LocalOptions } from '../../../src/providers/local/index.ts'
import type {
  Context,
  CreateRequest,
  CreateResult,
  Provider,
  RestorePlan,
  RestoreRequest,
  RestoreResult,
} from '../../../src/snapshots/provider.ts'
import { silent } from '../../snapshots/world.ts'
import { type Picture, picture } from '../../support/oracle.ts'
import { remove } from '../../support/sandbox.ts'
import { context, native } from '../conformance/subject.ts'

export { context, native }
export const AS_ROOT = process.getuid?.() === 0

export interface Workbench {
  /** Holds the others side by side; the whole of it is an allowed root. */
  dir: string
  /** What is captured, and where the store lies. */
  root: string
  home: string
  provider: Provider
  /** Another provider on the same store, as after a restart or in another process. */
  open(options?: Partial<LocalOptions>): Provider
  at(path: string): string
  write(path: string, data: string | Uint8Array, mode?: number): void
  read(path: string): string
  picture(): Picture
  save(
    fields?: Partial<CreateRequest> & { exclude?: string[]; from?: string },
  ): Promise<CreateResult & { id: string }>
  plan(id: string, fields?: Partial<RestoreRequest>): Promise<RestorePlan>
  restore(id: string, fields?: Partial<RestoreRequest>, overrides?: Partial<Context>): Promise<RestoreResult>
}

/** A fresh root and store with a provider on them, for the running test. */
export function workbench(options: Partial<LocalOptions> = {}): Workbench {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-local-')))
  onTestFinished(() => remove(dir))
  return workbenchIn(dir, options)
}

/** The same for code that takes care of the directory itself, such as a property that needs many. */
export function workbenchIn(dir: string, options: Partial<LocalOptions> = {}): Workbench {
  const root = join(dir, 'root')
  const home = join(dir, 'home')
  mkdirSync(root, { recursive: true })
  const open = (more: Partial<LocalOptions> = {}) =>
    createLocalProvider({
      home,
      roots: [dir],
      trashWindowMs: 3_600_000,
      specialModes: 'keep',
      clock: Date.now,
      log: silent,
      ...options,
      ...more,
    })
  const provider = open()
  const at = (path: string) => join(root, path)
  const plan: Workbench['plan'] = (id, fields = {}) =>
    provider.planRestore({ snapshot: id, mode: 'in_place', count: 1, ...fields }, context())
  return {
    dir,
    root,
    home,
    provider,
    open,
    at,
    write(path, data, mode = 0o644) {
      mkdirSync(dirname(at(path)), { recursive: true })
      writeFileSync(at(path), data)
      chmodSync(at(path), mode)
    },
    read: (path) => readFileSync(at(path), 'utf8'),
    picture: () => picture(root),
    async save({ exclude, from = root, ...fields } = {}) {
      const result = await provider.create(
        {
          source: { kind: 'path', id: from, name: 'root' },
          name: 'saved',
          labels: {},
          auto: false,
          protected: false,
          ...(exclude && { options: { exclude } }),
          ...fields,
        },
        context(),
      )
      return { ...result, id: native(result.snapshot) }
    },
    plan,
    restore: async (id, fields = {}, overrides = {}) =>
      provider.restore(await plan(id, fields), context(overrides)),
  }
}

/** Enough files that a call about them takes several slices of time. */
export function makeMany(root: string, files: number): void {
  for (let n = 0; n < files; n++) {
    const dir = join(root, `part-${n % 40}`)
    if (n < 40) mkdirSync(dir)
    writeFileSync(join(dir, `file-${n}`), `text of file ${n}`)
  }
}

/** Files changed long enough ago that nothing about them can still change unnoticed. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 80))
}

/** Native ids of all snapshots in the store, whatever they are. */
export async function shelf({ provider }: Workbench): Promise<string[]> {
  const { items } = await provider.list({ include_auto: true, include_trashed: true, limit: 100 }, context())
  return items.map(native)
}

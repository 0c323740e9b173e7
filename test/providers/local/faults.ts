import fs from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { onTestFinished } from 'vitest'

type ByPath =
  | 'lstatSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'truncateSync'
  | 'writeFileSync'

/**
 * Lets the running test see, or fail by throwing, each call that the product makes of a function of node:fs. Paths are
 * the arguments as text: of a rename the old one and the new one.
 */
export function intercept(
  name: ByPath,
  before: (...paths: string[]) => void,
  after: (...paths: string[]) => void = () => {},
): void {
  const target = fs as unknown as Record<string, (...args: unknown[]) => unknown>
  const original = target[name]!
  target[name] = (...args) => {
    before(...args.map(String))
    const result = original(...args)
    after(...args.map(String))
    return result
  }
  syncBuiltinESMExports()
  onTestFinished(() => {
    target[name] = original
    syncBuiltinESMExports()
  })
}

/** Has every positioned write of a file handle take no more than `most(length)` bytes, as a full disk or a limit does. */
export async function shortWrites(most: (length: number) => number): Promise<void> {
  const handle = await open(import.meta.filename)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const original = prototype.write
  const write = async function (
    this: FileHandle,
    ...[bytes, from, length, at]: [Buffer, number, number, number]
  ) {
    const count = most(length)
    return count > 0
      ? Reflect.apply(original, this, [bytes, from, count, at])
      : { bytesWritten: 0, buffer: bytes }
  }
  prototype.write = write as unknown as typeof original
  onTestFinished(() => {
    prototype.write = original
  })
}

export const systemFault = (code: string) => Object.assign(new Error(code), { code })

/** Has the product see a file system that keeps whole seconds only, as some still do. */
export function keepWholeSeconds(): void {
  const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of ['lstatSync', 'fstatSync']) {
    const original = functions[name]!
    functions[name] = (...args) => {
      const stats = original(...args) as { mtimeNs?: bigint; ctimeNs?: bigint } | undefined
      if (stats?.mtimeNs === undefined || stats.ctimeNs === undefined) return stats
      const { mtimeNs, ctimeNs } = stats
      return Object.assign(stats, { mtimeNs: wholeSeconds(mtimeNs), ctimeNs: wholeSeconds(ctimeNs) })
    }
    onTestFinished(() => {
      functions[name] = original
      syncBuiltinESMExports()
    })
  }
  syncBuiltinESMExports()
}

const wholeSeconds = (nanoseconds: bigint) => nanoseconds - (nanoseconds % 1_000_000_000n)

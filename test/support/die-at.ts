import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** Packs are written by other ones, which do not count: they are no part of the source. */
const CHANGING = [
  'chmodSync',
  'fchmodSync',
  'fchownSync',
  'fsyncSync',
  'ftruncateSync',
  'futimesSync',
  'lchownSync',
  'linkSync',
  'lutimesSync',
  'mkdirSync',
  'renameSync',
  'rmdirSync',
  'symlinkSync',
  'unlinkSync',
  'writeFileSync',
  'writeSync',
]

type Functions = Record<string, (...args: unknown[]) => unknown>

/**
 * Has this process kill itself right before its nth call from now that changes a file system, so that a test can look at
 * what it leaves. `phase+n` counts from the moment that phase of a restore is in its journal.
 */
export function dieAt(when: string): { made: number } {
  const calls = { made: 0 }
  const [last, phase] = when.split('+').reverse()
  let counting = phase === undefined
  const functions = fs as unknown as Functions
  const before = (name: string, counts: (args: unknown[]) => boolean) => {
    const original = functions[name] as Functions[string]
    functions[name] = (...args) => {
      if (counting && counts(args) && ++calls.made === Number(last)) process.kill(process.pid, 'SIGKILL')
      counting ||= name === 'writeFileSync' && String(args[1]).startsWith(`{"phase":"${phase}"`)
      return original(...args)
    }
  }
  for (const name of CHANGING) before(name, () => true)
  before('openSync', ([, flags = 'r']) =>
    typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : flags !== 'r',
  )
  syncBuiltinESMExports()
  return calls
}

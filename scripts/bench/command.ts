import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const exec = promisify(execFile)

export interface CommandOptions {
  cwd?: string
  /** Added to the PATH, which is all that a command inherits. */
  env?: Record<string, string>
  signal?: AbortSignal
}

/** Runs a program to its end and returns what it printed. Throws with its stderr unless it exits with 0. */
export async function command(
  name: string,
  args: readonly string[],
  { env = {}, ...options }: CommandOptions = {},
): Promise<string> {
  const { stdout } = await exec(name, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { PATH: process.env.PATH ?? '', ...env },
    ...options,
  })
  return stdout
}

/** Writes out what others left in the page cache, so that the next one measured does not pay for it. */
export const sync = async () => void (await command('sync', []))

/** What a directory occupies on disk, in bytes. */
export async function diskUse(path: string): Promise<number> {
  return Number((await command('du', ['-sk', path])).split('\t')[0]) * 1024
}

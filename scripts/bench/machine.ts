import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { cpus, freemem, release, totalmem, type } from 'node:os'

/** Where the figures come from: without it they mean nothing. `commands` are those measured beside ours. */
export function machine(dir: string, commands: readonly string[] = ['git']): string[] {
  const [cpu] = cpus()
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  return [
    `CPU: ${cpus().length} x ${cpu?.model ?? 'unknown'}; memory ${gigabytes(totalmem())}, ${gigabytes(freemem())} free`,
    `System: ${type()} ${release()}; file system of the test data: ${fileSystem(dir)}`,
    `Node ${process.version}; ${commands.map((name) => versionOf(name) ?? `no ${name}`).join('; ')}`,
  ]
}

const MAGIC: Record<number, string> = {
  61267: 'ext4',
  2435016766: 'btrfs',
  1481003842: 'xfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
}

function fileSystem(dir: string): string {
  const { type: magic } = statfsSync(dir)
  return MAGIC[magic] ?? `type 0x${magic.toString(16)}`
}

/** The name and version that a command tells of itself, or undefined when it is missing. */
export function versionOf(command: string): string | undefined {
  // restic alone takes a word where the others take a flag.
  const args = command === 'restic' ? ['version'] : ['--version']
  try {
    const [line = ''] = execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' }).split('\n')
    const [version] = /\d+(\.\d+)+/.exec(line) ?? []
    return `${command} ${version ?? line}`
  } catch {
    return undefined
  }
}

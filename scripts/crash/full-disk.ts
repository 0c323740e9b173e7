import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from './check.ts'
import { erase, makeLane } from './lane.ts'
import type { Operation, Report } from './operations.ts'
import { startDriver } from './run.ts'
import type { Outcome } from './sweep.ts'

/** A level to which the disk is filled: what is left of it. */
export type Level = { bytes: number } | { files: number }

const KiB = 1024
const MiB = 1024 * KiB

/** Around what the operations need; the store refuses to start below 64 MiB, so files run out before bytes do. */
export const LEVELS: readonly Level[] = [
  ...[0, 4 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB, 63 * MiB, 64 * MiB + 64 * KiB, 66 * MiB].map(
    (bytes) => ({ bytes }),
  ),
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48].map((files) => ({ files })),
]

/** Why no small disk can be had here; undefined when it can. */
export function cannotMount(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux mounts a tmpfs so easily'
  const at = mkdtempSync(join(tmpdir(), 'snapshot-mcp-mount-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]).status === 0
  if (mounted) execFileSync('umount', [at])
  erase(at)
  return mounted ? undefined : 'mounting a tmpfs needs root'
}

/** Carries an operation out on a disk that is really full, sources, copies and store alike, and checks what is left. */
export async function fullDisk(
  operation: Operation,
  bundle: string,
  levels: readonly Level[] = LEVELS,
): Promise<Outcome[]> {
  const disk = mkdtempSync(join(tmpdir(), 'snapshot-mcp-disk-'))
  const ballast = join(disk, 'ballast')
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m,nr_inodes=2000', 'tmpfs', disk])
  try {
    const lane = await makeLane(operation, disk)
    const outcomes: Outcome[] = []
    for (const level of levels) {
      lane.reset()
      fill(disk, ballast, level)
      const report = await (await startDriver(bundle, lane.job(operation))).go()
      erase(ballast)
      const findings = await check(lane, { operation, report })
      const what = 'bytes' in level ? `${level.bytes} bytes free` : `${level.files} files free`
      const line = unexpected(report)
      if (line) findings.violations.push(line)
      outcomes.push({ operation, kind: 'full disk', what, ...findings })
    }
    lane.remove()
    return outcomes
  } finally {
    execFileSync('umount', [disk])
    erase(disk)
  }
}

/** A full disk is no secret: whoever is told of it can do something about it. */
function unexpected(report: Report | undefined): string | undefined {
  if (!report) return 'the process did not answer'
  if (report.ok || ['NO_SPACE', 'SAFETY_SNAPSHOT_FAILED'].includes(report.code)) return undefined
  return `it answers ${report.code} where the disk is full: ${report.message}`
}

function fill(disk: string, ballast: string, level: Level): void {
  mkdirSync(ballast)
  if ('bytes' in level) {
    const { bavail, bsize } = statfsSync(disk)
    const block = Buffer.alloc(MiB, 1)
    const fd = openSync(join(ballast, 'bytes'), 'w')
    for (let left = bavail * bsize - level.bytes; left > 0; left -= MiB)
      writeSync(fd, block, 0, Math.min(left, MiB))
    closeSync(fd)
  } else {
    for (let n = statfsSync(disk).ffree - level.files; n > 0; n--)
      closeSync(openSync(join(ballast, `file-${n}`), 'w'))
  }
}

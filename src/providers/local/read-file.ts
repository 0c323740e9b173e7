import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs'
import { type Put, type ReadContent, readLarge, readSmall } from './content.ts'
import type { Pause } from './pause.ts'

/** A file that changes while it is read is read again this often before it is listed as changed. */
const ATTEMPTS = 3
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface FileRead extends ReadContent {
  /** As it was right after reading. */
  stats: BigIntStats
  /** False when it was never the same before and after reading: what was read may be torn. */
  stable: boolean
}

/** Reads a regular file into objects. Fails with ENOENT when something else is there by now: that is never opened for long. */
export async function readFile(path: string | Buffer, put: Put, pause: Pause): Promise<FileRead> {
  const fd = openSync(path, FLAGS)
  try {
    let before = fstatSync(fd, { bigint: true })
    for (let attempt = 1; ; attempt++) {
      // Swapped for something else between lstat and open: reading it could block or worse.
      if (!before.isFile()) throw Object.assign(new Error('no longer a file'), { code: 'ENOENT' })
      const read = readSmall(fd, Number(before.size), put) ?? (await readLarge(fd, put, pause))
      const stats = fstatSync(fd, { bigint: true })
      const stable =
        before.mtimeNs === stats.mtimeNs &&
        before.ctimeNs === stats.ctimeNs &&
        BigInt(read.size) === stats.size
      if (stable || attempt === ATTEMPTS) return { ...read, stats, stable }
      before = stats
    }
  } finally {
    closeSync(fd)
  }
}

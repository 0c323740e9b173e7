import { closeSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Link } from './entry.ts'
import { openPlainFile, unlessAbsent } from './files.ts'

/**
 * Which entry was the last, kept beside the log: without it nobody could tell a log that was cut at the end of a line
 * from a shorter one. It is written after the entry is on the disk and is not flushed itself, so that it may be behind
 * the log, but never ahead of it.
 */
const nameOf = (directory: string) => join(directory, 'head')
const HEAD = /^([1-9]\d{0,14}) ([0-9a-f]{64})\n$/

/** Undefined when there is none, or nothing that could be one. */
export function readHead(directory: string): Link | undefined {
  const file = unlessAbsent(() => openPlainFile(nameOf(directory)))
  if (!file) return undefined
  try {
    const [, seq, hash] = (file.size < 100 && HEAD.exec(readFileSync(file.fd, 'latin1'))) || []
    return seq && hash ? { seq: Number(seq), hash } : undefined
  } finally {
    closeSync(file.fd)
  }
}

export function writeHead(directory: string, { seq, hash }: Link): void {
  const temporary = `${nameOf(directory)}.new`
  rmSync(temporary, { force: true })
  writeFileSync(temporary, `${seq} ${hash}\n`, { flag: 'wx', mode: 0o600 })
  renameSync(temporary, nameOf(directory))
}

import { closeSync, constants, fsync as fsyncWithCallback, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { fail } from '../snapshots/errors.ts'
import type { Lock, StateStore } from '../state/state-store.ts'
import { storageError } from '../state/storage-error.ts'
import { sealEntry } from './audit/entry.ts'
import { type AuditEvent, linesOf } from './audit/event.ts'
import { openPlainFile, segmentAt } from './audit/files.ts'
import { writeHead } from './audit/head.ts'
import { tailOf } from './audit/tail.ts'

export type { AuditEvent } from './audit/event.ts'

/**
 * What was decided and done, in JSON lines that are only ever added to. Each holds the hash of the one before, so that
 * none can be changed, moved or taken out without a trace. It stops nobody who can write to the directory from making
 * a whole new log: who fears that sends copies elsewhere.
 */
export interface Audit {
  /** Resolves once the entry is on the disk. What cannot be recorded must not be done: it throws. */
  append(event: AuditEvent): Promise<void>
}

export interface AuditOptions {
  /** Made by the first append, for the owner only. */
  directory: string
  /** Between processes. */
  lock: StateStore['lock']
  /** Milliseconds. */
  clock: () => number
  /** A new segment is begun once the newest one has this size. */
  segmentBytes?: number
}

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT
const fsync = promisify(fsyncWithCallback)

export function createAudit({ directory, lock, clock, segmentBytes = 8 * 1024 * 1024 }: AuditOptions): Audit {
  let queue: Promise<unknown> = Promise.resolve()
  /** Could not be given back, as on a full disk. It must be, or nobody could append until this process ends. */
  let owed: Lock | undefined

  async function locked(work: () => Promise<void>): Promise<void> {
    await owed?.release()
    owed = undefined
    const held = await lock('audit')
    owed = held
    try {
      await work()
    } finally {
      await held.release()
      owed = undefined
    }
  }

  async function writeAll(lines: readonly Record<string, unknown>[]): Promise<void> {
    for (const fields of lines) await write(fields)
  }

  async function write(fields: Record<string, unknown>): Promise<void> {
    const { before, newest, size, torn, midLine } = tailOf(directory)
    const { text, link } = sealEntry(fields, { at: new Date(clock()).toISOString(), before, torn })
    // What is torn is accounted for in its own segment.
    const isFull = size >= segmentBytes && !torn && !midLine
    if (!newest) mkdirSync(directory, { recursive: true, mode: 0o700 })
    const { path } = newest && !isFull ? newest : segmentAt(directory, link.seq)
    await appendLine(path, `${midLine ? '\n' : ''}${text}\n`)
    writeHead(directory, link)
  }

  return {
    async append(event) {
      const lines = linesOf(event)
      const turn = queue.then(() => storageError(locked(() => writeAll(lines))))
      queue = turn.catch(() => {})
      await turn
    },
  }
}

async function appendLine(path: string, line: string): Promise<void> {
  const file = openPlainFile(path, APPEND)
  if (!file) throw notAFile()
  try {
    // Perhaps made just now: its name has to be on the disk before anything in it counts.
    if (file.size === 0) for (const each of [dirname(path), dirname(dirname(path))]) await flush(each)
    const bytes = Buffer.from(line)
    // One write, so that lines never mix. A full disk shows as a short one first.
    if (writeSync(file.fd, bytes) < bytes.length)
      throw Object.assign(new Error('a line of the audit log was cut short'), { code: 'ENOSPC' })
    await fsync(file.fd)
  } finally {
    closeSync(file.fd)
  }
}

async function flush(directory: string): Promise<void> {
  const fd = openSync(directory, 'r')
  await fsync(fd).finally(() => closeSync(fd))
}

function notAFile() {
  return fail(
    'FORBIDDEN',
    'The audit log cannot be written: something that is not a file has the name of its newest segment.',
    'Ask the operator to look at "audit" in the directory given by --home.',
  )
}

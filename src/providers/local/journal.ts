import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PathRef, Time } from '../../snapshots/model.ts'
import type { Log } from '../../snapshots/provider.ts'
import { Runner, thisRunner } from '../../state/runner.ts'
import { requireAlone } from './alone.ts'
import { isoTime } from './engine.ts'
import type { ByteString } from './names.ts'
import { syncDirectory } from './store/durable.ts'
import { readPlainFile } from './store/plain-file.ts'
import { errno } from './system-error.ts'

/**
 * What a restore is about to do, on disk before it does it, so that one that was killed can be finished or rolled back.
 * A journal is a file of lines: the intent, then each phase as it begins. It is removed when the restore has ended,
 * however it ended. Its name is the random part of the restore's temporary names. Layout: docs/store-format.md.
 */
export interface Journals {
  /** BUSY when another restore is at work there: see alone.ts. */
  begin(intent: Intent): Journal
  /** Of all journals there are, but for those that were given up: one readdir. */
  names(): string[]
  /** Undefined when there is none of this name any more, or none yet. Throws when it makes no sense. */
  read(name: string): Entry | undefined
  remove(name: string): void
  /** From now on it keeps nobody in this process from working: nobody here can take it up. */
  giveUp(name: string): void
}

/** The journal of a restore that runs in this process. */
export interface Journal {
  /** With this begins every name that the restore gives to what is not in its place yet. */
  readonly temporary: ByteString
  /** From now on there may be temporary names. Durable when it returns, as is all that was written before. */
  staging(safety?: string): void
  /** Everything is written beside its place; from now on the source changes. Durable when it returns. */
  committing(): void
  /** Never fails: what it cannot remove is for the next start. */
  end(): void
}

const Bytes = z
  .base64()
  .max(16_384)
  .transform((text): ByteString => Buffer.from(text, 'base64').toString('latin1'))
const SnapshotId = z.string().regex(/^[0-9a-f]{32}$/)

const Line = z.strictObject({
  format: z.literal(1),
  operation: z.string().min(1).max(64),
  /** The snapshot that is restored. */
  snapshot: SnapshotId,
  /** The directory it works in: the source, or the parent of the copies. Absolute. */
  root: Bytes,
  runner: Runner,
  created_at: Time,
})
const InPlace = Line.extend({
  mode: z.literal('in_place'),
  /** What it is about; absent: everything. */
  paths: z.array(PathRef).optional(),
  /** How many directories were gone and are made again: the source and those above it. */
  made: z.number().int().min(0).max(4096),
})
const New = Line.extend({ mode: z.literal('new'), copies: z.array(Bytes).min(1) })
const Phase = z.strictObject({
  phase: z.enum(['staging', 'committing']),
  /** The safety snapshot. */
  safety: SnapshotId.optional(),
})

type InPlace = z.infer<typeof InPlace>
type New = z.infer<typeof New>
type Stamp = 'format' | 'runner' | 'created_at'
export type Intent = Omit<InPlace, Stamp> | Omit<New, Stamp>

interface Found {
  name: string
  temporary: ByteString
  /** `saving`: nothing was touched, but for what `made` counts. */
  phase: 'saving' | 'staging' | 'committing'
  safety?: string | undefined
}
export type InPlaceEntry = InPlace & Found
export type NewEntry = New & Found
export type Entry = InPlaceEntry | NewEntry

const NAME = /^([0-9a-f]{16})\.jsonl$/
const LARGEST = 16 * 1024 * 1024
/** After this long nobody is about to write a first line any more. */
const UNBEGUN_MS = 60_000

export function createJournals(
  directory: string,
  { clock, log }: { clock: () => number; log: Log },
): Journals {
  const file = (name: string) => join(directory, `${name}.jsonl`)
  const temporaryOf = (name: string) => `.snapshot-mcp-${name}-`
  const givenUp = new Set<string>()

  const remove = (name: string) => {
    unlinkSync(file(name))
    syncDirectory(directory)
  }

  const journals: Journals = {
    begin(intent) {
      const name = randomBytes(8).toString('hex')
      const written = {
        format: 1,
        ...intent,
        root: toBase64(intent.root),
        ...(intent.mode === 'new' && { copies: intent.copies.map(toBase64) }),
        runner: thisRunner(),
        created_at: isoTime(clock()),
      }
      // Not synced yet: what is touched before the next line is not worth finding again after a power cut.
      append(file(name), written, { flag: 'wx', sync: false })
      const journal: Journal = {
        temporary: temporaryOf(name),
        staging(safety) {
          append(file(name), { phase: 'staging', safety })
          syncDirectory(directory)
        },
        committing: () => append(file(name), { phase: 'committing' }),
        end() {
          try {
            remove(name)
          } catch (error) {
            givenUp.add(name)
            log.warn('the journal of a restore was not removed', { journal: name, error })
          }
        },
      }
      try {
        requireAlone(journals, intent, intent.operation)
      } catch (error) {
        journal.end()
        throw error
      }
      return journal
    },

    names: () =>
      readdirSync(directory)
        .flatMap((each) => NAME.exec(each)?.[1] ?? [])
        .filter((name) => !givenUp.has(name)),

    read(name) {
      try {
        const modified = statSync(file(name)).mtimeMs
        const text = readPlainFile(file(name), LARGEST).toString('utf8')
        if (text.includes('\n')) return { ...parse(text), name, temporary: temporaryOf(name) }
        if (clock() - modified > UNBEGUN_MS) remove(name)
        return undefined
      } catch (error) {
        if (errno(error) === 'ENOENT') return undefined
        throw error
      }
    },

    remove,
    giveUp: (name) => void givenUp.add(name),
  }
  return journals
}

function append(path: string, line: object, how = { flag: 'a', sync: true }): void {
  const fd = openSync(path, how.flag, 0o600)
  try {
    writeFileSync(fd, `${JSON.stringify(line)}\n`)
    if (how.sync) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** What follows the last line end was being written: what it announces has not begun. */
function parse(text: string) {
  const [first, ...rest] = text
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line))
  const intent = z.discriminatedUnion('mode', [InPlace, New]).parse(first)
  const phases = rest.map((line) => Phase.parse(line))
  const phase: Found['phase'] = phases.at(-1)?.phase ?? 'saving'
  return { ...intent, phase, safety: phases.find(({ safety }) => safety)?.safety }
}

function toBase64(bytes: ByteString): string {
  return Buffer.from(bytes, 'latin1').toString('base64')
}

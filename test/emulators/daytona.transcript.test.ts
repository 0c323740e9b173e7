import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { comparable, type Entry, ordered, parseTranscript } from './daytona/transcript.ts'
import { REGISTRY } from './daytona/world.ts'
import { createDaytona, type Daytona } from './daytona.ts'
import { specFile } from './vendor.ts'

/** Two snapshots that the recorded server had before the record begins. */
const T1 = '0ef825c7-c6cf-4338-b06f-b1b7b268104d'
const GENERAL = '5d07c56d-91df-4edc-a5ed-d1e3bdd6792f'

describe('The record of a running v0.190', () => {
  const text = readFileSync(specFile('daytona.transcript.txt'), 'utf8')
  const entries = parseTranscript(text)
  const recorded = comparable({
    '127.0.0.1:6000/daytona': '<registry>',
    'http://proxy.localhost:4000': '<proxy>',
    'v0.stub': '<daemon>',
  })
  let daytona: Daytona
  let played: ReturnType<typeof comparable>
  let spokenOf = ''

  beforeAll(async () => {
    let clock = Date.parse('2026-11-20T23:55:00Z')
    daytona = await createDaytona({
      generation: 'v0.190',
      now: () => {
        clock += 10
        return clock
      },
    })
    const t1 = daytona.addSnapshot({ name: 't1', imageName: 'ubuntu:22.04' })
    recorded.ids.push(T1, GENERAL)
    played = comparable({ [REGISTRY]: '<registry>', [daytona.proxy.url]: '<proxy>', 'v0.190.0': '<daemon>' })
    played.ids.push(t1.id, daytona.general.id)
  })
  afterAll(() => daytona.close())

  const send = async (method: string, target: string, body?: string) => {
    const reply = await fetch(`${daytona.url}${target}`, {
      method,
      headers: { authorization: `Bearer ${daytona.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
    return { status: reply.status, type: reply.headers.get('content-type') ?? '', answer: await reply.text() }
  }

  /** What the record calls by its ids, here called by ours. */
  const translated = (text: string) =>
    recorded.ids.reduce((ours, id, index) => ours.replaceAll(id, played.ids[index] ?? id), text)

  async function replay(entry: Extract<Entry, { kind: 'exchange' }>): Promise<void> {
    const { method, target, body, answer } = entry
    const ours = await send(method, translated(target), body)
    expect({ status: ours.status, type: ours.type }).toEqual({ status: entry.status, type: entry.type })
    if (entry.status < 300 || method === 'GET') spokenOf = snapshotIn(target, body) ?? spokenOf
    if (entry.type === 'application/octet-stream') {
      // The runner of the recorded server prints the first word of an instruction, and is further on.
      const steps = ours.answer.trim().split('\n')
      const record = answer.trim().split('\n')
      expect(steps.length).toBeGreaterThan(0)
      for (const [index, step] of steps.entries()) expect(step.startsWith(record[index]!)).toBe(true)
    } else if (answer === '') expect(ours.answer).toBe('')
    else {
      const cut = !answer.endsWith('}')
      const record = cut ? `${answer.slice(0, answer.lastIndexOf(','))}}` : answer
      const { items, ...rest } = JSON.parse(ours.answer)
      const mine = cut ? JSON.stringify({ items }) : JSON.stringify(items ? { items, ...rest } : rest)
      expect(played.of(ordered(mine))).toBe(recorded.of(ordered(record)))
    }
  }

  /** Looks until it is as it was seen, as whoever made the record did. */
  async function observe(path: string, state: string): Promise<Record<string, unknown>> {
    for (let look = 0; look < 10; look += 1) {
      const seen = JSON.parse((await send('GET', path)).answer)
      if ((seen.state ?? 'None') === state) return seen
    }
    throw new Error(`${path} is not ${state} after ten looks`)
  }

  const none = (value: unknown) => String(value ?? 'None')

  async function show(entry: Entry): Promise<void> {
    if (entry.kind === 'exchange') await replay(entry)
    else if (entry.kind === 'sandbox')
      expect((await observe('/api/sandbox/sb1', entry.state)).errorReason).toBeNull()
    else if (entry.kind === 'snapshot') {
      const name = translated(entry.name ?? spokenOf)
      const seen = await observe(`/api/snapshots/${name}`, entry.state)
      const { size, error, message } = entry
      expect([none(seen.size), none(seen.errorReason), none(seen.message)]).toEqual([size, error, message])
    } else {
      // A second or so lies between the sections: sandboxes get done with what they are at.
      await send('GET', '/api/sandbox')
      await send('GET', '/api/sandbox')
    }
  }

  const sections: { title: string; entries: Entry[] }[] = []
  for (const entry of entries) {
    if (entry.kind === 'section') sections.push({ title: entry.title, entries: [] })
    sections.at(-1)!.entries.push(entry)
  }
  // In order: each section builds on what the ones before have left.
  for (const [index, section] of sections.entries())
    test(`Section ${index + 1}, ${section.title}, comes out the same`, async () => {
      for (const entry of section.entries) await show(entry)
    })

  test('All of the record was replayed', () => {
    const exchanges = entries.filter(({ kind }) => kind === 'exchange')
    expect(exchanges.length).toBe(text.match(/^### /gm)!.length)
    expect(exchanges.length).toBeGreaterThan(50)
    expect(daytona.requests.length).toBeGreaterThan(exchanges.length)
  })
})

/** The snapshot that a request names, in its path or in its body. */
function snapshotIn(target: string, body: string | undefined): string | undefined {
  const inPath = /^\/api\/snapshots\/([^/?]+)/.exec(target)?.[1]
  const inBody = /^\{"name":"([^"]+)"/.exec(body ?? '')?.[1]
  return inPath ?? inBody
}

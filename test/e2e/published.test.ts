import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createDaytona } from '../emulators/daytona.ts'
import { build } from '../support/bundle.ts'
import { sandbox } from '../support/sandbox.ts'
import { PROJECT } from '../support/server.ts'

/** The bundle leaves out what of its packages cannot run. Here runs what the other tests of clouds do not reach. */

test('the published file uploads what a Dockerfile copies, and tells how far it is', async () => {
  const daytona = await createDaytona({ pollsToComplete: 0 })
  onTestFinished(daytona.close)
  const box = sandbox()
  writeFileSync(join(box.root, 'Dockerfile'), 'FROM alpine:3.22\nCOPY hello.txt /\n')
  writeFileSync(join(box.root, 'hello.txt'), 'hello')
  const env = { DAYTONA_API_KEY: daytona.key, DAYTONA_API_URL: daytona.apiUrl }
  const client = await box.open('SDK v2', { env })
  const source = `dockerfile:${join(box.root, 'Dockerfile')}`
  const told: string[] = []
  const { status, snapshot } = await client.call(
    'snapshot_create',
    { source, name: 'built', wait_seconds: 50 },
    { onprogress: ({ message = '' }) => told.push(message) },
  )
  expect([status, snapshot.state]).toEqual(['done', 'ready'])
  expect(told).toContainEqual(expect.stringContaining('build context'))
  expect([...daytona.world.objects.objects.keys()]).toEqual([expect.stringContaining('context.tar')])
})

test('the published package holds the licences of what is bundled', () => {
  build()
  const licences = readFileSync(join(PROJECT, 'dist/THIRD_PARTY_LICENSES.txt'), 'utf8')
  for (const name of ['@modelcontextprotocol/server', 'undici', 'zod', 'diff'])
    expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'))
})

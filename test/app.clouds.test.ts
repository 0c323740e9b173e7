import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { addImage } from './emulators/digitalocean/cloud.ts'
import { createDigitalOcean } from './emulators/digitalocean.ts'
import { args, caller, temporaryDirectory } from './snapshots/world.ts'

/** A server for one Droplet, as its operator set it up. */
async function server(rules: object) {
  const vendor = await createDigitalOcean()
  onTestFinished(vendor.close)
  const cwd = temporaryDirectory()
  const policy = join(temporaryDirectory(), 'policy.json')
  writeFileSync(policy, JSON.stringify(rules))
  const env = { DIGITALOCEAN_TOKEN: vendor.token, DIGITALOCEAN_API_URL: vendor.url }
  const app = createApp(
    loadConfig(
      { policy, home: join(temporaryDirectory(), 'home'), 'log-level': 'error' },
      { env, cwd, userHome: `${cwd}-user` },
    ),
  )
  onTestFinished(app.close)
  return { vendor, app, service: await app.service() }
}

test.each([
  [{}, 'A safety snapshot of it is taken first', true],
  [{ safety_snapshots: false }, 'No safety snapshot is taken', false],
])('with the rules %j a Droplet is restored so: %s', async (rules, words, costs) => {
  const { vendor, app, service } = await server(rules)
  expect(app.openWorld).toBe(true)
  const { id } = addImage(vendor.cloud, vendor.droplet)
  const asked = args.restore({ snapshot: `digitalocean:${id}`, dry_run: true })
  const reply = await service.restore(asked, caller({ principal: app.principal }))
  if (!('plan' in reply)) throw new Error('There is no plan')
  expect(reply.plan?.summary).toContain(words)
  expect('safety_snapshot' in (reply.plan?.effects ?? {})).toBe(costs)
})

import { createDaytona } from '../test/emulators/daytona.ts'
import { createDigitalOcean } from '../test/emulators/digitalocean.ts'
import { createMorph } from '../test/emulators/morph.ts'

/**
 * Starts the three clouds on loopback, for people without an account. Prints one line of JSON when they are ready: for
 * each the address and the key that its clients take. Things take a few seconds there, as they take longer in reality.
 */
const secondsToComplete = 3
const [morph, daytona, digitalocean] = await Promise.all([
  createMorph({ secondsToComplete }),
  createDaytona({ secondsToComplete }),
  createDigitalOcean({ secondsToComplete }),
])

process.stdout.write(
  `${JSON.stringify({
    morph: { url: `${morph.url}/api`, key: morph.key },
    daytona: { url: daytona.apiUrl, key: daytona.key },
    digitalocean: { url: digitalocean.url, key: digitalocean.token },
  })}\n`,
)

const close = () => void Promise.all([morph, daytona, digitalocean].map((each) => each.close()))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, close)

import { describeChaos } from './suite.ts'
import { creating, restoringToNew } from './sweep.ts'
import { digitalocean } from './vendors.ts'

describeChaos([
  ['a snapshot of a Droplet', creating, () => digitalocean('droplet')],
  ['a snapshot of a Droplet that is switched off for it', creating, () => digitalocean('switched off')],
  ['a snapshot of a volume', creating, () => digitalocean('volume')],
  ['a new Droplet', restoringToNew, () => digitalocean('droplet')],
  ['a new volume', restoringToNew, () => digitalocean('volume')],
])

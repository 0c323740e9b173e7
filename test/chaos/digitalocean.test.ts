import { describeCreates } from './suite.ts'
import { digitalocean } from './vendors.ts'

describeCreates([
  ['DigitalOcean, of a Droplet', () => digitalocean('droplet')],
  ['DigitalOcean, of a Droplet that is switched off for it', () => digitalocean('switched off')],
  ['DigitalOcean, of a volume', () => digitalocean('volume')],
])

import { describeProvider } from '../provider-conformance.ts'
import { daytonaSubject } from './conformance/daytona.ts'
import { dropletSubject, unsavedDropletSubject, volumeSubject } from './conformance/digitalocean.ts'
import { morphSubject } from './conformance/morph.ts'

describeProvider('morph', () => morphSubject())
describeProvider('morph (on a server that has no paged lists)', () => morphSubject({ paged: false }))
describeProvider('daytona', () => daytonaSubject())
describeProvider('daytona (on a server of the open source)', () => daytonaSubject({ generation: 'v0.190' }))
describeProvider('digitalocean (of a Droplet)', () => dropletSubject())
describeProvider('digitalocean (of a Droplet, without safety snapshots)', unsavedDropletSubject)
describeProvider('digitalocean (of a volume)', () => volumeSubject())

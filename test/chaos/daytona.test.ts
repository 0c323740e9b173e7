import { describeChaos } from './suite.ts'
import { creating, restoringToNew } from './sweep.ts'
import { daytona } from './vendors.ts'

describeChaos([
  ['a snapshot of a Daytona sandbox', creating, () => daytona('sandbox')],
  ['a snapshot of a sandbox on an older Daytona', creating, () => daytona('sandbox', 'v0.190')],
  ['a snapshot of an image at Daytona', creating, () => daytona('image')],
  ['a new Daytona sandbox', restoringToNew, () => daytona('image')],
])

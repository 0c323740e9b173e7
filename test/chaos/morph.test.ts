import { describeChaos } from './suite.ts'
import { creating, restoringToNew } from './sweep.ts'
import { morph } from './vendors.ts'

describeChaos([
  ['a snapshot of a Morph instance', creating, () => morph('instance')],
  ['a snapshot of a Morph image', creating, () => morph('image')],
  ['a new Morph instance', restoringToNew, () => morph('instance')],
])

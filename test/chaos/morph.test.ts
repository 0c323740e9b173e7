import { describeCreates } from './suite.ts'
import { morph } from './vendors.ts'

describeCreates([
  ['Morph, of an instance', () => morph('instance')],
  ['Morph, of an image', () => morph('image')],
])

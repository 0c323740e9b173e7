import { describeCreates } from './suite.ts'
import { daytona } from './vendors.ts'

describeCreates([
  ['Daytona, of a sandbox', () => daytona('sandbox')],
  ['Daytona, of a sandbox, on an older server', () => daytona('sandbox', 'v0.190')],
  ['Daytona, of an image', () => daytona('image')],
])

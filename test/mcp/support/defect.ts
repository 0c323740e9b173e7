import { serve } from '../../../src/cli/serve.ts'
import { loadConfig } from '../../../src/config.ts'

void serve(loadConfig({}))
setTimeout(() => {
  throw new Error('nobody caught this')
}, 50)

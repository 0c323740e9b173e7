import { principalHere } from '../../src/app.ts'
import { loadConfig, readCommandLine } from '../../src/config.ts'
import { serveHttp } from '../../src/http/serve.ts'
import { createQuestions } from '../../src/mcp/question.ts'
import { loadStateKey } from '../../src/state/state-key.ts'
import { addAsking } from './fixtures/asking.ts'
import { addContent } from './fixtures/content.ts'
import { addPrompts } from './fixtures/prompts.ts'
import { addResources } from './fixtures/resources.ts'
import { addSchemas } from './fixtures/schemas.ts'
import { addSealed } from './fixtures/sealed.ts'
import { addTelling } from './fixtures/telling.ts'

/** `snapshot-mcp serve --http ...` and beside it everything that the conformance suite looks for by name. */
const config = loadConfig(readCommandLine(process.argv.slice(2)).flags)
const questions = createQuestions(principalHere(), () => loadStateKey(config.stateDirectory))

await serveHttp(config, {
  extend(server) {
    addContent(server)
    addTelling(server)
    addAsking(server)
    addSealed(server, questions)
    addSchemas(server)
    addResources(server)
    addPrompts(server)
  },
})
process.exit(0)

// The least that a server on the same SDK can be over HTTP: Host and Origin are checked, one tool has a schema, and its
// answers were made beforehand. They are read from the file named on the command line: { NAME: RESULT }.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const answers = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const inputSchema = z.object({ name: z.enum(Object.keys(answers)), limit: z.number().optional() })

const { fetch } = createMcpHandler(() => {
  const server = new McpServer({ name: 'bare', version: '1.0.0' })
  server.registerTool(
    'echo',
    { description: 'Gives an answer.', inputSchema },
    async ({ name }) => answers[name],
  )
  return server
})
const serve = toNodeHandler({ fetch })
const isHost = localhostHostValidation()
const isOrigin = localhostOriginValidation()

const listener = createServer((req, res) => {
  if (isHost(req, res) && isOrigin(req, res)) void serve(req, res)
})
listener.listen(0, '127.0.0.1', () => {
  process.stderr.write(`${JSON.stringify({ port: listener.address().port })}\n`)
})

// The least that a server on the same SDK can be: one tool, unbundled, as most servers are published.
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

serveStdio(() => {
  const server = new McpServer({ name: 'bare', version: '1.0.0' })
  const inputSchema = z.object({ text: z.string() })
  server.registerTool('echo', { description: 'Echoes its text.', inputSchema }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }))
  return server
})

import { completable, type GetPromptResult, type McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { SnapshotId } from '../snapshots/model.ts'
import { newest, type Readable } from './resources.ts'

const NEEDED = ['snapshot_create', 'snapshot_list', 'snapshot_diff', 'snapshot_restore', 'snapshot_undo']

/** Whether every tool that the prompts speak of is there. */
export const offersPrompts = (tools: readonly { name: string }[]) =>
  NEEDED.every((needed) => tools.some(({ name }) => name === needed))

/** Two things people ask for in the same words every time. */
export function registerPrompts(server: McpServer, options: Readable): void {
  server.registerPrompt(
    'checkpoint-before-risky-change',
    {
      title: 'Checkpoint before a risky change',
      description: 'Save a snapshot, make the change, show what changed, and offer the way back',
      argsSchema: z.object({ change: z.string().max(4000).optional().describe('The change to make') }),
    },
    ({ change }) =>
      said(`Before you change anything, call snapshot_create with a name that says what comes next, and tell me the id.
${change === undefined ? 'Then make the change we talked about.' : `Then make this change: ${change}`}
When it is done, call snapshot_diff with "from" set to that id and sum up what changed. If something went wrong or looks unintended, say so and offer snapshot_restore to that id; do not restore before I agree.`),
  )

  const snapshot = SnapshotId.describe('Snapshot id; without it the agent looks for one')
  server.registerPrompt(
    'roll-back',
    {
      title: 'Roll back',
      description: 'Go back to a snapshot after showing what that would undo',
      argsSchema: z.object({
        snapshot: completable(snapshot, (value) => completeSnapshot(options, value)).optional(),
      }),
    },
    ({ snapshot: id }) =>
      said(`${id === undefined ? 'Call snapshot_list, and if it is not plain which snapshot is meant, ask me.' : `Take the snapshot ${id}.`}
Call snapshot_diff with "from" set to it and sum up what going back would change, above all work that would go away. Then call snapshot_restore with "dry_run": true, show me the plan, and wait for my yes before you run it. At the end tell me the operation id that snapshot_undo takes.`),
  )
}

async function completeSnapshot(options: Readable, value: string): Promise<string[]> {
  const snapshots = await newest(options, new AbortController().signal, {}).catch(() => [])
  return snapshots.map(({ id }) => id).filter((id) => id.startsWith(value))
}

const said = (text: string): GetPromptResult => ({
  messages: [{ role: 'user', content: { type: 'text', text } }],
})

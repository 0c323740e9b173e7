import { plain } from '../../snapshots/plain.ts'
import type { OperationView } from '../../snapshots/replies.ts'
import { StatusReply } from '../../snapshots/replies.ts'
import { StatusArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'

export const status = defineTool({
  name: 'snapshot_status',
  title: 'Show status',
  description:
    'Status: provider health, capabilities, usage, quota, the policy in force, recent operations, and what can be undone.',
  operation: 'read',
  args: StatusArgs,
  reply: StatusReply,
  run: (service, args, caller) => service.status(args, caller),
  render: ({ providers, policy, operations, undoable, errors = [] }) =>
    [
      ...providers.map(providerLine),
      `Policy: ${compact(policy)}`,
      ...section('Operations', operations.map(operationLine)),
      ...section('Can be undone with snapshot_undo', undoable.map(operationLine)),
      ...errors.map(({ code, message }) => `The operations cannot be told. ${code}: ${plain(message, 1000)}`),
    ].join('\n'),
})

function providerLine({
  name,
  healthy,
  usage,
  quota,
  cost,
  error,
}: StatusReply['providers'][number]): string {
  const facts = Object.entries({ usage, quota, cost }).filter(([, value]) => value !== undefined)
  return [
    `${name}: ${healthy ? 'healthy' : 'not healthy'}`,
    ...(error === undefined ? [] : [`${error.code}: ${plain(error.message, 1000)}`]),
    ...facts.map(([label, value]) => `${label} ${compact(value)}`),
  ].join('; ')
}

function operationLine(view: OperationView): string {
  const { operation, type, state, summary, started_at, undo_until, approved_by } = view
  const until = undo_until === undefined ? '' : `, undo until ${undo_until}`
  const by = approved_by === undefined ? '' : `, approved by ${plain(approved_by, 100)}`
  return `- ${operation} ${type} ${state} ${started_at}: ${plain(summary, 300)}${by}${until}`
}

const section = (title: string, lines: string[]) => (lines.length > 0 ? [`${title}:`, ...lines] : [])
const compact = (value: unknown) => plain(JSON.stringify(value), 1000)

import { z } from 'zod'
import { Size } from '../config/values.ts'
import { Duration } from '../snapshots/model.ts'

/** What deletes of a provider may do. `trash`: only what can be undone. */
const Deletion = z.enum(['never', 'trash', 'permanent'])

const Glob = z.string().min(1).max(200)
const Count = z.int().min(0).max(1_000_000)

/** Each limit stands for itself; what is left out is not limited. */
const PerHour = z.strictObject({
  principal: Count.optional().describe('Of one caller.'),
  source: Count.optional().describe('Of one source.'),
  global: Count.optional().describe('Of all together.'),
})

/** What the operator allows, whatever a call asks for. The file is small and strict: a typo must not widen it. */
export const PolicyFile = z.strictObject({
  delete: z
    .union([Deletion, z.record(z.string(), Deletion)], {
      error: 'must be never, trash or permanent, or an object that says so for each provider',
    })
    .optional()
    .describe(
      'What `snapshot_delete` and `snapshot_prune` may do: `never` anything, `trash` only what can be undone, `permanent` also for good where a provider has no trash. One word, or an object with one for each provider; a provider that it leaves out has `trash`. Without it a delete for good is allowed when it was agreed to, as the guard mode says for what has no way back, but no snapshot gets an expiry for good.',
    ),
  providers: z
    .array(z.string())
    .optional()
    .describe('The providers that may be changed; the other enabled ones can only be read.'),
  roots: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Directories that every root must be or lie in, whatever the flags of the server say.'),
  protect: z
    .strictObject({
      ids: z.array(Glob).optional(),
      names: z.array(Glob).optional(),
      labels: z.record(z.string(), Glob).optional(),
    })
    .optional()
    .describe(
      'Snapshots that no call deletes and that do not expire: `ids`, `names` and `labels` (label to value), with `*` for any text and `?` for one character.',
    ),
  min_keep: Count.optional().describe(
    'How many snapshots of a source must stay; the newest is one of them. Unless it is set: 1 for deletes that cannot be undone, else none.',
  ),
  min_age: Duration.optional().describe(
    'How old a snapshot must be before a call may delete it, such as `1h`.',
  ),
  quotas: z
    .strictObject({
      deletes_per_hour: PerHour.optional(),
      creates_per_hour: PerHour.optional(),
      source_bytes: Size.optional(),
      store_bytes: Size.optional(),
    })
    .optional()
    .describe(
      '`deletes_per_hour` and `creates_per_hour`, each with any of `principal`, `source` and `global`; `source_bytes` and `store_bytes` limit the local store as `--max-source` and `--max-store` do, and the lower of both counts.',
    ),
  special_modes: z
    .enum(['strip', 'keep'])
    .default('strip')
    .describe('Whether setuid, setgid and sticky bits come back on restore.'),
  safety_snapshots: z
    .boolean()
    .default(true)
    .describe(
      'Whether a restore of a Droplet in place first takes a snapshot of what it overwrites, which costs time and money. `false`: then such a restore cannot be undone. Local restores always take one.',
    ),
  trash_window: Duration.default('72h').describe('How long a deleted snapshot can be brought back.'),
})
export type PolicyFile = z.output<typeof PolicyFile>

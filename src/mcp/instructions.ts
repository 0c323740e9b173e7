const TEXT = [
  'Save points for the directories and machines you work in.',
  'Before a risky change call snapshot_create and keep the id.',
  'snapshot_diff {"from":id} shows what changed since a snapshot.',
  'snapshot_restore {"snapshot":id} goes back; with "mode":"new" it makes a copy instead, and for machines often only that. Of a directory, paths brings back only some files.',
  'Machines take minutes: for a reply with status creating, snapshot_get {"snapshot":id,"wait_seconds":50} waits.',
  'Take ids from replies and snapshot_list; never make one up.',
  'snapshot_restore, snapshot_delete and other calls that may destroy something can answer with a plan instead of running. Nothing has changed then: check the plan, then repeat the call with the same arguments plus the given confirmation. If a person declined, do not try again unasked.',
  'Where the reply to a restore or a delete has an undo, snapshot_undo {"operation":"op_..."} reverses it.',
  'An error names the next call to make; snapshot_status shows health, policy and the last operations.',
]

/**
 * What an agent should know beyond single tools; clients put it into the system prompt. Sentences about tools that
 * are not offered are left out.
 */
export function instructionsFor(offered: readonly { name: string }[]): string {
  const names = new Set(offered.map(({ name }) => name))
  return TEXT.filter((line) => toolsIn(line).every((name) => names.has(name))).join('\n')
}

export const toolsIn = (text: string): readonly string[] => text.match(/snapshot_[a-z]+/g) ?? []

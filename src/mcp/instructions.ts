/** What an agent should know beyond single tools; clients put it into the system prompt. */
export const INSTRUCTIONS = `Save points for the directories you work in.
Before a risky change call snapshot_create and keep the id. Afterwards snapshot_diff {"from":id} shows what changed, and snapshot_restore {"snapshot":id} goes back exactly; add paths to bring back only some files.
Ids come from snapshot_create and snapshot_list; never make one up.
snapshot_restore, snapshot_delete, snapshot_undo and snapshot_prune may answer with a plan instead of running. Nothing has changed then: check the plan, then repeat the call with the same arguments plus the given confirmation. If a person declined, do not try again unasked.
After a restore or delete, snapshot_undo {"operation":"op_..."} reverses it. An error names the next call to make; snapshot_status shows health, policy and what can be undone.`

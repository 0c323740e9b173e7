import { create } from './create.ts'
import type { Tool } from './define-tool.ts'
import { deleteTool } from './delete.ts'
import { diff } from './diff.ts'
import { get } from './get.ts'
import { list } from './list.ts'
import { prune } from './prune.ts'
import { restore } from './restore.ts'
import { sources } from './sources.ts'
import { status } from './status.ts'
import { undo } from './undo.ts'
import { update } from './update.ts'

/** Every tool, in the order of `tools/list`. */
export const TOOLS: readonly Tool[] = [
  create,
  list,
  get,
  diff,
  restore,
  deleteTool,
  undo,
  update,
  prune,
  sources,
  status,
]

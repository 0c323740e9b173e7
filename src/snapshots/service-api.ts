import type { Caller, Question } from './caller.ts'
import type * as reply from './replies.ts'
import type * as request from './requests.ts'

/**
 * The operations every face calls. Arguments are already parsed. Throws SnapshotError and nothing else.
 * The destructive ones, and a create that switches its source off, may return a Question: the face asks the person and calls again with `caller.answer`.
 */
export interface Service {
  create(args: request.CreateArgs, caller: Caller): Promise<reply.Created | reply.CreateReply | Question>
  list(args: request.ListArgs, caller: Caller): Promise<reply.ListReply>
  get(args: request.GetArgs, caller: Caller): Promise<reply.SnapshotReply>
  diff(args: request.DiffArgs, caller: Caller): Promise<reply.DiffReply>
  restore(args: request.RestoreArgs, caller: Caller): Promise<reply.RestoreReply | Question>
  delete(args: request.DeleteArgs, caller: Caller): Promise<reply.DeleteReply | Question>
  undo(args: request.UndoArgs, caller: Caller): Promise<reply.UndoReply | Question>
  update(args: request.UpdateArgs, caller: Caller): Promise<reply.SnapshotReply>
  prune(args: request.PruneArgs, caller: Caller): Promise<reply.DeleteReply | Question>
  sources(args: request.SourcesArgs, caller: Caller): Promise<reply.SourcesReply>
  status(args: request.StatusArgs, caller: Caller): Promise<reply.StatusReply>
  /** Something goes on that no call waits for any more, or has ended and is not on record yet. */
  busy(): boolean
  close(): Promise<void>
}

import { type MessagePort, parentPort } from 'node:worker_threads'
import { type CheckTask, createCheck } from './check-range.ts'

/** A thread that helps to check rosters: it takes batches until none is left, and closes the port to say so. */
parentPort?.on('message', ({ task, port }: { task: CheckTask; port: MessagePort }) => {
  const checkBatch = createCheck(task)
  while (checkBatch());
  port.close()
})

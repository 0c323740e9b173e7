import { join } from 'node:path'
import { createAudit } from '../../../src/guard/audit.ts'
import { toProblem } from '../../../src/snapshots/errors.ts'
import { createFileStore } from '../../../src/state/file-store.ts'

/** A process of its own: appends to the log of a home and prints how often it could, and why it stopped if it had to. */
const [home = '', name = '', count, segmentBytes] = process.argv.slice(2)
const { lock } = createFileStore({ directory: join(home, 'state'), clock: Date.now })
const audit = createAudit({
  directory: join(home, 'audit'),
  lock,
  clock: Date.now,
  segmentBytes: Number(segmentBytes),
})

let done = 0
try {
  while (done < Number(count)) {
    await audit.append({ event: 'allowed', principal: name, operation: `op_${done}` })
    done++
  }
  process.stdout.write(String(done))
} catch (error) {
  process.stdout.write(`${done} ${toProblem(error).code}`)
}

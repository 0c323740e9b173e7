import { openStore } from '../open-store.ts'

/** A process that holds a lock for as long as it lives, and says when it has it. */
const [place = ''] = process.argv.slice(2)
await openStore(place).lock('t')
process.stdout.write('held')
setInterval(() => {}, 60_000)

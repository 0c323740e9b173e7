import { openStore } from '../open-store.ts'

/** A process that asks once, says what came of it, and has nothing more to do: it does not even close the connection. */
const [place = ''] = process.argv.slice(2)
const answer = await openStore(place)
  .read('plan', 'p')
  .then(
    () => 'answered',
    ({ code }) => code,
  )
process.stdout.write(answer)

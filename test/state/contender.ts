import { openStore } from './open-store.ts'

/** A process of its own: adds to a shared counter, by compare-and-set or under a lock. Prints how often it won. */
const [place = '', how, rounds] = process.argv.slice(2)
const store = openStore(place)
let wins = 0

for (let round = 0; round < Number(rounds); round++) {
  if (how === 'lock') {
    const lock = await store.lock('counter')
    const current = await store.read('plan', 'counter')
    const value = ((current?.value as number | undefined) ?? 0) + 1
    if (await store.write('plan', 'counter', value, current?.version ?? 0)) wins++
    await lock.release()
  } else {
    for (let won = false; !won; ) {
      const current = await store.read('plan', 'counter')
      const value = ((current?.value as number | undefined) ?? 0) + 1
      won = (await store.write('plan', 'counter', value, current?.version ?? 0)) !== undefined
    }
    wins++
  }
}
// It ends by itself: no connection keeps a process alive that has nothing more to do.
process.stdout.write(String(wins))

/** In bytes: some 400 ids. */
const SIZE = 4096

/** Random bytes cut from a supply: asking the system for ten costs as much as asking for a thousand. No byte is used twice. */
export function fromSupply(random: (size: number) => Buffer): (size: number) => Buffer {
  let left: Buffer = Buffer.alloc(0)
  return (size) => {
    if (left.length < size) left = random(Math.max(size, SIZE))
    const cut = left.subarray(0, size)
    left = left.subarray(size)
    return cut
  }
}

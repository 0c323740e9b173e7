/** Something in an archive; of a directory there is only the name. */
export interface TarEntry {
  /** With slashes, relative. */
  path: string
  /** Permission bits. */
  mode: number
  /** Undefined: a directory. */
  bytes?: Buffer
}

const BLOCK = 512

/**
 * An uncompressed tar archive (POSIX 1003.1, with pax records for names that do not fit). It holds nothing but names,
 * permissions and content: the same files make the same bytes wherever and whenever.
 */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, mode, bytes }) => {
    const name = bytes ? path : `${path}/`
    const plainName = Buffer.byteLength(name) <= 100 && /^[\x20-\x7e]*$/.test(name)
    return [
      ...(plainName ? [] : item('pax', 'x', 0o644, paxRecord('path', name))),
      ...item(plainName ? name : shortened(name), bytes ? '0' : '5', mode, bytes ?? Buffer.alloc(0)),
    ]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

function item(name: string, type: string, mode: number, bytes: Buffer): Buffer[] {
  return [header(name, type, mode, bytes.length), bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))]
}

/** For readers that do not know pax. */
const shortened = (name: string) => name.replace(/[^\x20-\x7e]/g, '_').slice(-99)

function header(name: string, type: string, mode: number, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, digits: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at)
  block.write(name, 0, 100)
  octal(mode & 0o777, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(0, 136, 11)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  // The sum counts itself as blanks.
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`)
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length++
  return Buffer.concat([Buffer.from(String(length)), rest])
}

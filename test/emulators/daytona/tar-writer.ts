/** A tar archive of these files, long names in the dialect that is asked for. */
export function tarOf(files: Record<string, string>, dialect: 'pax' | 'gnu' = 'pax'): Buffer {
  const blocks: Buffer[] = []
  const add = (name: string, type: string, data: Buffer) => {
    blocks.push(header(name, type, data.length), data, Buffer.alloc((512 - (data.length % 512)) % 512))
  }
  for (const [path, content] of Object.entries(files)) {
    if (path.length > 100 && dialect === 'pax') add('pax', 'x', record(path))
    if (path.length > 100 && dialect === 'gnu') add('././@LongLink', 'L', Buffer.from(`${path}\0`))
    add(path.slice(0, 100), '0', Buffer.from(content))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

/** Its own length counts, so the digits are tried until they fit. */
function record(path: string): Buffer {
  const rest = ` path=${path}\n`
  let length = rest.length
  while (String(length).length + rest.length !== length) length += 1
  return Buffer.from(`${length}${rest}`)
}

function header(name: string, type: string, size: number): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 'latin1')
  block.write('0000644\0', 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write(`${type}ustar\x0000`, 156, 'latin1')
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

import { test } from 'vitest'
import { makeBulk } from '../../support/workspace.ts'
import { workbench, context } from './support.ts'
test('x', async () => {
  const box = workbench()
  makeBulk(box.root, { files: 3000, bytes: 3000 })
  process.stdout.write(`${[...box.picture().values()].filter(e => e.type === 'file').length}\n`)
  const cancel = new AbortController()
  const source = { kind: 'path', id: box.root, name: 'root' }
  const request = { source, name: 'never', labels: {}, auto: false, protected: false }
  const ctx = context({ signal: cancel.signal, progress: (d) => {process.stdout.write(`p${d} `); cancel.abort()} })
  await box.provider.create(request, ctx).catch(e => process.stdout.write(`${e}\n`))
  const r = await box.save()
  process.stdout.write(`${JSON.stringify(r.receipt)}\n`)
  const r2 = await box.save()
  process.stdout.write(`${JSON.stringify(r2.receipt)}\n`)
})

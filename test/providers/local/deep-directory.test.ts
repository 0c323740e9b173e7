import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { differences, picture } from '../../support/oracle.ts'
import { context, workbench } from './support.ts'

test('a thousand directories in each other are saved, compared, restored and verified', async () => {
  const box = workbench()
  const deep = Array(1000).fill('d').join('/')
  mkdirSync(box.at(deep), { recursive: true })
  box.write(`${deep}/file`, 'saved')
  const before = box.picture()
  const { id, receipt } = await box.save()
  expect(receipt).toMatchObject({ directories: 1001, skipped: [] })
  box.write(`${deep}/file`, 'changed')
  const { id: second } = await box.save()
  const request = { from: id, to: second, limit: 10, content: true }
  expect(await box.provider.diff!(request, context())).toMatchObject({ changes: [{ path: `${deep}/file` }] })
  await box.restore(id)
  expect(differences(before, box.picture())).toEqual([])
  await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
  expect(differences(before, picture(join(box.dir, 'copy')))).toEqual([])
  expect(await box.provider.verify!({}, context())).toMatchObject({ damaged: [] })
  await box.provider.delete(await box.provider.planDelete([second], context()), context())
  await box.provider.purge!(await box.provider.planPurge!({ all: true }, context()), context())
  await box.restore(id)
})

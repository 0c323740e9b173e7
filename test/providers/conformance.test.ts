import { expect, test } from 'vitest'
import { describeProvider, failures } from '../provider-conformance.ts'
import { CLOUD_LIES } from './conformance/cloud-lies.ts'
import { LIES } from './conformance/lies.ts'
import { localSubject } from './conformance/local.ts'
import { cloudSubject, memorySubject } from './conformance/memory.ts'

describeProvider('local', localSubject)
describeProvider('memory', memorySubject)
describeProvider('cloud-like', cloudSubject)

test.each(LIES)('a provider that %s is found out', async (_lie, noticed, pretend) => {
  expect(await failures(() => memorySubject(pretend))).toContain(noticed)
})

test.each(CLOUD_LIES)('one of a cloud that %s is found out', async (_lie, noticed, pretend) => {
  expect(await failures(() => cloudSubject(pretend))).toContain(noticed)
})

test('honest ones are not', async () => {
  expect(await failures(memorySubject)).toEqual([])
  expect(await failures(cloudSubject)).toEqual([])
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StoredPlan } from '../../src/guard/plans.ts'
import { askAbout, defuse } from '../../src/guard/question.ts'
import { planView } from '../../src/snapshots/restore.ts'
import { context, workbench } from '../providers/local/support.ts'

function plan(view: Partial<StoredPlan['plan']['view']>): StoredPlan {
  const whole = { summary: 'Delete "x"', effects: {}, reversible: true, warnings: [], ...view }
  return {
    id: 'cfm_1',
    version: 1,
    plan: { subject: 'local:abcdef123456', view: whole } as unknown as StoredPlan['plan'],
  }
}

test('says what happens, what to mind and how long there is a way back', () => {
  const view = { warnings: ['2 files are newer'], undo_until: '2026-11-24T12:00:00.000Z' }
  expect(askAbout(plan(view)).message).toBe(
    'Delete "x". 2 files are newer. It can be undone until 2026-11-24T12:00:00.000Z.',
  )
})

test('asks to type the end of the id where there is no way back', () => {
  const { message, typed } = askAbout(plan({ reversible: false }))
  expect(message).toBe(
    'Delete "x". This cannot be undone. To allow it, type the last 6 characters of local:abcdef123456.',
  )
  expect(typed).toEqual({ label: 'the last 6 characters of local:abcdef123456', length: 6 })
})

test.each([
  ['a\u001b[31mred\u001b[0m', 'a 31mred 0m'],
  ['safe\u202egnp.exe', 'safe gnp.exe'],
  ['zero\u200bwidth\ufeff', 'zero width'],
  ['one\r\n\n\u2028two', 'one two'],
  ['[click](https://evil.example) **now** `rm`', 'click (https: evil.example) now rm'],
  ['<img src=x>#|~\\', 'img src=x'],
  ['my_file-2.txt', 'my_file-2.txt'],
  ['_bold_ __strong__ &lt;b&gt;', 'bold strong lt;b gt;'],
  ['WWW.evil.com a@b.c @everyone', 'www evil.com a at b.c at everyone'],
  ['tag\u{e0041}\u{e0042}', 'tag'],
])('%j is shown as %j (G28)', (text, shown) => {
  expect(defuse(text, 100)).toBe(shown)
})

test('4 KB of name do not push the question away', () => {
  const { message } = askAbout(plan({ summary: `Delete "${'A'.repeat(4096)}" `, reversible: false }))
  expect(message.length).toBeLessThan(1000)
  expect(message).toContain('This cannot be undone.')
})

test('no warning falls off, however many and long the others are', () => {
  const warnings = [...Array.from({ length: 5 }, (_, n) => `Warning ${n} ${'x'.repeat(700)}`), 'The last one']
  expect(askAbout(plan({ warnings })).message).toMatch(/Warning 4 x.* The last one\. It can be undone\.$/)
})

test('any text becomes one short visible line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 3, max: 50 }), (text, longest) => {
      const shown = defuse(text, longest)
      expect(Array.from(shown).length).toBeLessThanOrEqual(longest)
      expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}`*[\]<>#|~\\]|:\/\//u)
    }),
  )
})

describe('a name that wants to read like the rest of the question', () => {
  const END = '" of 2026-01-01T00:00:00.000Z: write 1, delete 0. A safety snapshot is taken first. '
  const name = `${END}It is harmless ${'x'.repeat(30)}`

  test('hides neither what a restore deletes nor how much (T4)', async () => {
    const box = workbench()
    const { id } = await box.save({ name })
    for (let n = 0; n < 60; n++) box.write(`${n} ${'long '.repeat(40)}`, 'new')
    box.write('a", nothing else', 'new')
    const { message } = askAbout(plan(planView(await box.plan(id))))
    expect(message).toMatch(/^Write 0, delete 61 and set metadata of \d, to make "/)
    expect(message).toMatch(/" equal to "' of 2026-01-01T00[^"]{10,30}" of 20/)
    expect(message).toMatch(/ and 58 more\. It can be undone until [-\dT:.Z]+\.$/)
  })

  test('does not hide how many snapshots a delete takes (T4)', async () => {
    const box = workbench()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push((await box.save({ name })).id)
    const { message } = askAbout(plan(planView(await box.provider.planDelete(ids, context()))))
    expect(message).toMatch(/^Move 5 snapshots to the trash;/)
    expect(message).toMatch(/ and 2 more\. It can be undone until [-\dT:.Z]+\.$/)
    expect(message.match(/"/g)).toHaveLength(6)
  })
})

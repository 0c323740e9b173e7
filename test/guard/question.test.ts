import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StoredPlan } from '../../src/guard/plans.ts'
import { askAbout, defuse } from '../../src/guard/question.ts'

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
  ['tag\u{e0041}\u{e0042}', 'tag'],
])('%j is shown as %j (G28)', (text, shown) => {
  expect(defuse(text, 100)).toBe(shown)
})

test('4 KB of name do not push the question away', () => {
  const { message } = askAbout(plan({ summary: `Delete "${'A'.repeat(4096)}" `, reversible: false }))
  expect(message.length).toBeLessThan(500)
  expect(message).toContain('This cannot be undone.')
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

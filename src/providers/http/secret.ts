import { inspect } from 'node:util'
import { fail } from '../../snapshots/errors.ts'

/** A credential. Printed, logged, serialized or joined to a text it reads `[secret]`; no property holds the value. */
export interface Secret {
  /** The value itself: for the header that carries it, and for taking it out of everything else. */
  reveal(): string
}

export const HIDDEN = '[secret]'

/** INVALID_ARGUMENT for what cannot be a key. Blanks at both ends are dropped: keys come from files and variables. */
export function createSecret(text: string): Secret {
  const value = text.trim()
  // Any other character would end a header or be sent as something else.
  if (!/^[\x21-\x7e]+$/.test(value))
    throw fail(
      'INVALID_ARGUMENT',
      value === '' ? 'The key is empty.' : 'The key holds a character that no key has, such as a blank.',
      'Copy the key again, as one word.',
    )
  const show = () => HIDDEN
  return Object.freeze({ reveal: () => value, toString: show, toJSON: show, [inspect.custom]: show })
}

import { plain } from '../../snapshots/plain.ts'

/** Markup that is ours: what was put into it from outside is text in it. */
export interface Html {
  readonly markup: string
}

type Piece = Html | string | number | readonly Html[]

/** A template in which every text that is put in stays text, between tags as in a quoted attribute. */
export function html(parts: TemplateStringsArray, ...pieces: Piece[]): Html {
  const filled = pieces.map((piece, index) => `${markupOf(piece)}${parts[index + 1]}`)
  return { markup: `${parts[0]}${filled.join('')}` }
}

export const NOTHING: Html = { markup: '' }

function markupOf(piece: Piece): string {
  if (typeof piece === 'string' || typeof piece === 'number') return escaped(String(piece))
  return 'markup' in piece ? piece.markup : piece.map(({ markup }) => markup).join('')
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '')

/** The blocks of Unicode whose letters run from right to left, with what joins several such words. */
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]+(?: [\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]+)*/gu

/**
 * Text from outside as a person may trust it: short, in one line, nothing hidden. Words that run from right to left are
 * isolated, or they would turn the order of the numbers and words around them.
 */
export function shown(text: string, max = 200): Html {
  const safe = plain(text, max)
  return { markup: escaped(safe).replace(RIGHT_TO_LEFT, '<bdi>$&</bdi>') }
}

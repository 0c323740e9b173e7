/** Text that cannot act on a terminal, reorder a line or pass for a new one, at most `max` characters long. */
export function plain(text: string, max = 200): string {
  const visible = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, '?')
  return visible.length > max ? `${visible.slice(0, max - 3)}...` : visible
}

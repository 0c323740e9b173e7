/** A message without its end that says that nothing was changed: more happened than the request that failed. */
export const withoutNothing = (message: string): string =>
  message.replace(/ *Nothing was (changed|made)( by this call)?\.$/, '')

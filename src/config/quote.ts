const lengthMax = 80;

/**
 * `text` in single quotes for a message: control characters escaped, so that no value can forge a
 * line of the log or drive the terminal, and cut where it would bury the message.
 */
export function quote(text: string): string {
  const characters = [...text];
  if (characters.length <= lengthMax) return `'${printable(text)}'`;
  const start = characters.slice(0, lengthMax).join("");
  return `'${printable(start)}...' (${characters.length} characters)`;
}

/** `text` with everything escaped that is not plainly visible on a line. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

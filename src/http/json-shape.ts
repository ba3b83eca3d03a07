// Bodies whose shape no message of this API has are refused before they are parsed: four megabytes of
// brackets would cost the parser seconds, in which nobody is answered.

/** A list entry in a list in a body is nested three deep. */
const depthMax = 16;
/** 20,000 entries of five fields, 20,000 uuids, and as many again. */
const separatorsMax = 240_000;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Whether JSON text is nested too deeply, or has too many parts, to be a body of this API. */
export function isOverbuilt(bytes: Uint8Array): boolean {
  let depth = 0;
  let separators = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case quote:
        at = endOfString(bytes, at);
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        separators += 1;
        break;
      case closeBracket:
      case closeBrace:
        depth -= 1;
        break;
      case comma:
        separators += 1;
        break;
      default:
        break;
    }
    if (depth > depthMax || separators > separatorsMax) return true;
  }
  return false;
}

/** Place of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

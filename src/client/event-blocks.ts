// Server-sent events, from bytes to blocks (HTML Living Standard, 9.2.6). No I/O.

/** One block of a stream; comments are left out. */
export interface EventBlock {
  /** Undefined: it names none. */
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string | undefined;
}

/** A block that is larger is none of this API. */
const blockCharactersMax = 1024 * 1024;

/**
 * Cuts a stream into blocks, however its bytes arrive.
 *
 * @throws RangeError if one is too large
 */
export async function* eventBlocks(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<EventBlock, void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    // What is behind the last empty line is not whole yet.
    text = blocks.pop() ?? "";
    if (text.length > blockCharactersMax) throw new RangeError("an event is too large");
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block: string): EventBlock {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
  }
  return { id: fields.get("id"), event: fields.get("event"), data: fields.get("data") };
}

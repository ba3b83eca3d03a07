/** Lines of at most `columns`, broken between words, each behind the prefix; a longer word stays whole. */
export function wrap(text: string, prefix: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && prefix.length + line.length + 1 + word.length > columns) {
      lines.push(prefix + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, prefix + line];
}

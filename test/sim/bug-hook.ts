// Plants one fault in the code under test as it is loaded. Imported before everything else, in a
// worker of its own; nothing on disk is changed.

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import type { PlantedBug } from "./bugs.ts";

const sources = new URL("../../src/", import.meta.url).href;

/**
 * @param onPlanted told of each file in which all was planted that was to be
 * @throws at the loading of the file if a text does not occur in it exactly once: the code has moved
 *   on, and the fault has to follow it
 */
export function plant(bug: PlantedBug, onPlanted: (file: string) => void = () => {}): void {
  const left = new Set(bug.replacements);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const path = url.startsWith(sources) ? url.slice(sources.length) : undefined;
      const ofFile = bug.replacements.filter(({ file }) => file === path);
      if (ofFile.length === 0 || loaded.source === undefined) return loaded;
      let text = sourceText(loaded.source, url);
      for (const replacement of ofFile) {
        text = replacedOnce(text, replacement.from, replacement.to, path ?? "");
        left.delete(replacement);
      }
      if (path !== undefined) onPlanted(path);
      return { ...loaded, source: text };
    },
  });
  plantedLeft = left;
}

let plantedLeft: ReadonlySet<{ readonly file: string }> = new Set();

/** @throws if a file in which a fault was to be planted was never loaded */
export function demandPlanted(): void {
  const [first] = plantedLeft;
  if (first === undefined) return;
  throw new Error(`cannot plant the bug: ${first.file} was not loaded`);
}

function sourceText(source: string | ArrayBuffer | NodeJS.TypedArray | null, url: string): string {
  if (typeof source === "string") return source;
  if (source === null) throw new Error(`cannot read ${fileURLToPath(url)}`);
  return new TextDecoder().decode(source);
}

function replacedOnce(text: string, from: string, to: string, file: string): string {
  const parts = text.split(from);
  if (parts.length === 2) return parts.join(to);
  const detail = `its text occurs ${parts.length - 1} times in src/${file}`;
  throw new Error(`cannot plant the bug: ${detail}: ${JSON.stringify(from.slice(0, 80))}`);
}

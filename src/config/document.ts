// Reads the text of a configuration file into settings. The walk is over YAML's syntax tree and not
// over plain objects: only the tree knows lines and duplicate keys, and nothing on this way can
// reach an object's prototype or expand an alias.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, Pair, YAMLMap } from "yaml";
import {
  type ConfigKey,
  type ConfigValue,
  configKeys,
  configSections,
  findKey,
  type Settings,
} from "./keys.ts";
import { nearest } from "./nearest.ts";
import { type ConfigProblem, suggestion } from "./problem.ts";
import { printable, quote } from "./quote.ts";
import { foundText, judgeValue } from "./value.ts";

type Reading = {
  readonly file: string;
  readonly lines: LineCounter;
  readonly values: Map<string, ConfigValue>;
  readonly problems: ConfigProblem[];
};

/** Reads `text`, the content of `file`; every problem in it is listed. */
export function readDocument(file: string, text: string): Settings {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: "1.2",
    schema: "core",
    stringKeys: true,
    // Checked below: YAML's own check compares each key with each other, and names none.
    uniqueKeys: false,
    prettyErrors: false,
    // Not "silent", which would also hide that a second document follows.
    logLevel: "error",
  });
  const reading: Reading = { file, lines, values: new Map(), problems: [] };
  const root = document.contents;
  // After a syntax error the tree is a guess, and what it would say of keys misleads.
  if (syntaxProblems(reading, document)) return reading;
  if (isMap(root)) readMapping(reading, root, "");
  else if (!isEmpty(root)) {
    const reason = `expected a mapping of keys to values, found ${foundText(plain(root))}`;
    report(reading, root, undefined, reason);
  }
  return reading;
}

function syntaxProblems(reading: Reading, document: Document.Parsed): boolean {
  const errors = [...document.errors, ...document.warnings];
  // Running out of stack brings hundreds of errors in its train, which explain nothing.
  const exhausted = errors.find((error) => error.code === "RESOURCE_EXHAUSTION");
  for (const error of exhausted === undefined ? errors : [exhausted]) {
    const detail = exhausted === undefined ? error.message : "nested too deeply";
    const reason = `not valid YAML: ${printable(detail)}`;
    reading.problems.push({
      kind: "file",
      file: reading.file,
      ...place(reading, error.pos[0]),
      reason,
    });
  }
  return errors.length > 0;
}

function readMapping(reading: Reading, mapping: YAMLMap, prefix: string): void {
  const lineOf = new Map<string, number>();
  for (const pair of mapping.items as Pair<Node, Node | null>[]) {
    const name = isScalar(pair.key) ? String(pair.key.value) : "";
    const path = prefix + name;
    const first = lineOf.get(name);
    if (!isScalar(pair.key)) {
      report(reading, pair.key, undefined, "expected the name of a key, found an alias");
    } else if (first !== undefined) {
      const reason = `key ${quote(path)} is given twice (first on line ${first})`;
      report(reading, pair.key, path, reason);
    } else {
      lineOf.set(name, place(reading, offsetOf(pair.key)).line ?? 0);
      readPair(reading, pair, name, path);
    }
  }
}

function readPair(reading: Reading, pair: Pair<Node, Node | null>, name: string, path: string) {
  // A dot in a name would make a path of it, and "http.socket: x" pass for a key in a section.
  const key = name.includes(".") ? undefined : findKey(path);
  if (key !== undefined) {
    readValue(reading, key, pair);
  } else if (name.includes(".") || !configSections.includes(path)) {
    report(reading, pair.key, path, `unknown key ${quote(path)}${suggestKey(name, path)}`);
  } else if (isMap(pair.value)) {
    readMapping(reading, pair.value, `${path}.`);
  } else if (!isEmpty(pair.value)) {
    const reason = `${path}: expected a mapping of keys to values, found ${found(pair.value)}`;
    report(reading, pair.key, path, reason);
  }
}

function readValue(reading: Reading, key: ConfigKey, pair: Pair<Node, Node | null>): void {
  const { path, schema } = key;
  const elements = isSeq(pair.value) ? (pair.value.items as Node[]) : [];
  const alias = [pair.value, ...elements].find((node) => isAlias(node));
  if (alias) {
    report(reading, alias, path, `${path}: found an alias (write the value out)`);
    return;
  }
  const judged = judgeValue(schema, plain(pair.value));
  if (judged.kind === "valid") {
    reading.values.set(path, judged.value);
    return;
  }
  const at = judged.element === undefined ? undefined : elements[judged.element];
  report(reading, at ?? pair.key, path, `${path}: ${judged.reason}`);
}

/** The node as a plain value, one level deep, because no key allows more. */
function plain(node: Node | null): unknown {
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return (node.items as Node[]).map((item) => (isScalar(item) ? item.value : {}));
  return node === null ? null : {};
}

function found(node: Node | null): string {
  return isAlias(node) ? "an alias" : foundText(plain(node));
}

/** Nothing at all, or a section whose keys are all commented out. */
function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function suggestKey(name: string, path: string): string {
  const dotted = name.includes(".") ? findKey(path) : undefined;
  if (dotted !== undefined) {
    const [section, ...rest] = dotted.path.split(".");
    return ` (write ${quote(`${rest.join(".")}:`)} inside ${quote(`${section}:`)})`;
  }
  // A key of another section, or of none, is more likely misplaced than misspelt.
  const lastOf = (keyPath: string) => keyPath.split(".").at(-1);
  const misplaced = configKeys.filter((key) => lastOf(key.path) === name);
  if (misplaced.length === 1) return suggestion(misplaced[0]?.path);
  const sections = path === name ? configSections : [];
  return suggestion(nearest(path, [...configKeys.map((key) => key.path), ...sections]));
}

function offsetOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}

function place(reading: Reading, offset: number | undefined): { line?: number; column?: number } {
  if (offset === undefined) return {};
  const { line, col } = reading.lines.linePos(offset);
  return { line, column: col };
}

function report(reading: Reading, node: Node | null, key: string | undefined, reason: string) {
  reading.problems.push({
    kind: "file",
    file: reading.file,
    ...place(reading, offsetOf(node)),
    ...(key === undefined ? {} : { key }),
    reason,
  });
}

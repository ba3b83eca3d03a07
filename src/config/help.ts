import { type ConfigKey, configFileOption, configKeys } from "./keys.ts";
import { allowedText } from "./value.ts";
import { wrap } from "./wrap.ts";

const columnsMax = 80;
const indent = "      ";

/** The text of `vmsyncd --help`, from the schema; ends in a newline. */
export function helpText(): string {
  const { flag, variable, description } = configFileOption;
  return [
    "Usage: vmsyncd [FLAG VALUE]...",
    "",
    ...wrap(
      "Every key of the configuration has a flag and an environment variable. " +
        "A flag wins over the variable, the variable over the file, the file over the default. " +
        "The elements of a list are separated by commas; an empty text is an empty list.",
      "",
      columnsMax,
    ),
    "",
    ...entry(`${flag} FILE`, description, variable, configFileOption.default),
    ...configKeys.flatMap(keyEntry),
    "  --help",
    `${indent}show this text`,
    "  --version",
    `${indent}show the version`,
    "",
  ].join("\n");
}

function keyEntry(key: ConfigKey): string[] {
  const names = `${key.path}, ${key.variable}`;
  const text = `${key.description}: ${allowedText(key.schema)}`;
  return entry(`${key.flag} ${placeholder(key)}`, text, names, key.defaultText);
}

function placeholder(key: ConfigKey): string {
  if (key.schema.type === "integer") return "NUMBER";
  return key.schema.type === "array" ? "LIST" : "TEXT";
}

function entry(usage: string, text: string, names: string, defaultText: string): string[] {
  return [
    `  ${usage}`,
    ...wrap(text, indent, columnsMax),
    ...wrap(names, indent, columnsMax),
    ...wrap(`default: ${defaultText}`, indent, columnsMax),
  ];
}

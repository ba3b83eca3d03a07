import { type Environment, readVariable } from "./environment.ts";
import { findKey } from "./keys.ts";
import { ConfigError } from "./problem.ts";

/**
 * Path of the socket that a client of the daemon speaks to: VMSYNCD_HTTP_SOCKET, else the default.
 * Looks at nothing else, so that a client works while the daemon's configuration is broken. Throws
 * a ConfigError if the variable holds no usable path.
 */
export function httpSocketPath(environment: Environment): string {
  const key = findKey("http.socket");
  const value = key && (readVariable(environment, key) ?? { kind: "valid", value: key.default });
  if (value?.kind === "problem") throw new ConfigError([value.problem]);
  if (typeof value?.value !== "string")
    throw new Error("the schema has no default for http.socket");
  return value.value;
}

// Takes one guard out of the agent as it is loaded. Node imports this file before everything else,
// in every process and thread of a test: the agent may run in the test's own process or as a child
// of it, and reads the process table in a thread. Nothing on disk is changed.

import { appendFileSync } from "node:fs";
import { plant } from "../../test/sim/bug-hook.ts";
import { guardNamed } from "./guards.ts";
import { guardVariable, marksVariable } from "./variables.ts";

const name = process.env[guardVariable];
const marks = process.env[marksVariable];
if (name === undefined || marks === undefined) {
  throw new Error(
    `cannot take a guard out: ${guardVariable} and ${marksVariable} are not both set`,
  );
}
// The runner reads there whether the file was loaded at all.
plant(guardNamed(name), (file) => appendFileSync(marks, `${file}\n`));

// Compiled code is kept from one start to the next: a third of a start is compiling. Only for Node 24.

import { enableCompileCache } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

// Beside what was installed: whoever may write there could change the program itself. For anyone else
// nothing is written, and what is there is used.
const folder = fileURLToPath(new URL("../node_modules/.cache/vmsyncd", import.meta.url));

/** For this process and, through the environment, its threads. */
export function keepCompiled() {
  process.env["NODE_COMPILE_CACHE"] ??= path.normalize(folder);
  enableCompileCache(process.env["NODE_COMPILE_CACHE"]);
}

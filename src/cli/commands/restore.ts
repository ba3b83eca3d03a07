import { type RestoredStore, restoreStore } from "../../store/backup.ts";
import { StoreError } from "../../store/read-only.ts";
import { absolutePath, required } from "../arguments.ts";
import type { Command } from "../command.ts";
import { withFolderHint } from "../folder-hint.ts";
import { say } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { countText } from "../words.ts";

/** `vmsyncctl restore FILE`: puts a backup in the place of the store, while vmsyncd does not run. */
export const restoreCommand: Command = {
  words: ["restore"],
  describe: "Put a backup in the place of the store; vmsyncd must not run",
  positionals: { file: { describe: "The backup" } },
  async run({ terminal, args, json, storeFolder }) {
    const file = absolutePath(required(args.text("file", "FILE"), "FILE"));
    const folder = storeFolder();
    const { setAsideAs, state } = withFolderHint(() => restored(file, folder));
    const takenAt = new Date(state.checkpoint.wallMs).toISOString();
    const claims = state.claims.length;
    if (json) {
      terminal.out(jsonText({ folder, file, takenAt, claims, ...(setAsideAs && { setAsideAs }) }));
      return;
    }
    say(
      terminal,
      `The store in ${folder} is that of ${takenAt} now, with ${countText(claims, "claim")}.`,
    );
    if (setAsideAs !== undefined) say(terminal, `What was there before is kept as ${setAsideAs}.`);
    say(
      terminal,
      "vmsyncd will start with amnesia, since claims may have been made after the backup that it does not know: nothing is called stopped until that ends.",
    );
  },
};

function restored(file: string, folder: string): RestoredStore {
  try {
    return restoreStore(file, folder);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "held") throw error;
    const text = `cannot restore ${file}: a vmsyncd runs on the store in ${folder}; stop it first`;
    throw new StoreError("held", text, { cause: error });
  }
}

import { backupStore } from "../../store/backup.ts";
import { absolutePath, required } from "../arguments.ts";
import { withFolderHint } from "../folder-hint.ts";
import type { Command } from "../command.ts";
import { say } from "../prose.ts";
import { jsonText } from "../terminal.ts";

/** `vmsyncctl backup FILE`: copies the store, whether vmsyncd runs or not. */
export const backupCommand: Command = {
  words: ["backup"],
  describe: "Copy the store to a new file; vmsyncd may run meanwhile",
  positionals: { file: { describe: "The file, which must not be there yet" } },
  async run({ terminal, args, json, storeFolder }) {
    const file = absolutePath(required(args.text("file", "FILE"), "FILE"));
    const folder = storeFolder();
    withFolderHint(() => backupStore(folder, file));
    if (json) terminal.out(jsonText({ folder, file }));
    else say(terminal, `The store in ${folder} is copied to ${file}.`);
  },
};

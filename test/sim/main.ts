// The simulation at the command line: npm run sim -- --help.

import { parseArgs } from "node:util";
import { plantedBug, plantedBugs } from "./bugs.ts";
import { type Failure, replay, runHistories, shortest } from "./pool.ts";

const usage = `usage: npm run sim -- [--seeds N] [--from SEED] [--bug NAME]
       npm run sim -- --seed SEED [--bug NAME]
       npm run sim -- --bugs [NAME...]

  --seeds N    run N histories (1000), of the seeds from SEED (1) on
  --seed SEED  run one history twice and print its timeline
  --bug NAME   plant a bug: the histories have to find it; "none" plants none
  --bugs       every planted bug: after how many histories it is found, 5000 at most
`;

/** Each planted bug has to be found within so many histories. */
const bugHistoriesMax = 5_000;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" },
    bug: { type: "string" },
    bugs: { type: "boolean" },
    help: { type: "boolean" },
  },
  allowPositionals: true,
});

function wholeNumber(text: string, option: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`cannot read --${option} ${text}: a whole number is needed`);
}

async function main(): Promise<number> {
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.bugs === true) return await listBugs();
  const bug =
    values.bug === undefined || values.bug === "none" ? undefined : plantedBug(values.bug).name;
  if (values.seed !== undefined) return await showOne(wholeNumber(values.seed, "seed"), bug);
  const seeds = wholeNumber(
    values.seeds ?? (bug === undefined ? "1000" : String(bugHistoriesMax)),
    "seeds",
  );
  return await runMany(wholeNumber(values.from ?? "1", "from"), seeds, bug);
}

async function runMany(from: number, seeds: number, bug: string | undefined): Promise<number> {
  const startedAtMs = performance.now();
  const { histories, failure } = await runHistories(from, seeds, bug, (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${seeds} histories`);
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  if (failure === undefined) {
    process.stdout.write(`${histories} histories, all promises kept, ${seconds} s\n`);
    return 0;
  }
  process.stdout.write(`a promise is broken after ${histories} histories, ${seconds} s\n`);
  await explain(failure, bug);
  return 1;
}

async function explain({ seed, violations }: Failure, bug: string | undefined): Promise<void> {
  const [first] = violations;
  if (first === undefined) return;
  process.stdout.write(`seed ${seed}: ${first.guarantee}: ${first.detail}\n`);
  const short = await shortest(seed, first.guarantee, bug);
  process.stdout.write(
    `\nthe shortest history that shows it:\n${short.plan}\n\n${short.timeline}\n`,
  );
  const planted = bug === undefined ? "" : ` --bug ${bug}`;
  process.stdout.write(`\nthe whole of it: npm run sim -- --seed ${seed}${planted}\n`);
}

async function showOne(seed: number, bug: string | undefined): Promise<number> {
  const [one, again] = [...(await replay([seed], bug)), ...(await replay([seed], bug))];
  if (one === undefined || again === undefined) throw new Error("cannot show it: no history came");
  process.stdout.write(`${one.plan}\n\n${one.timeline}\n\n`);
  process.stdout.write(
    `timeline ${one.hash}${one.hash === again.hash ? ", twice the same" : ""}\n`,
  );
  if (one.hash !== again.hash) {
    process.stdout.write(`and ${again.hash} the second time: the world is not deterministic\n`);
    return 1;
  }
  for (const { guarantee, detail, atMs } of one.violations) {
    process.stdout.write(`${guarantee} is broken at ${Math.round(atMs)} ms: ${detail}\n`);
  }
  return one.violations.length === 0 ? 0 : 1;
}

async function listBugs(): Promise<number> {
  let missed = 0;
  for (const { name } of plantedBugs) {
    const startedAtMs = performance.now();
    const { histories, failure } = await runHistories(1, bugHistoriesMax, name);
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    const guarantees = [...new Set(failure?.violations.map(({ guarantee }) => guarantee))].join(
      ", ",
    );
    const found = failure === undefined ? "NOT FOUND" : `${guarantees}, seed ${failure.seed}`;
    process.stdout.write(
      `${name.padEnd(38)} ${String(histories).padStart(5)} histories  ${found}  ${seconds} s\n`,
    );
    if (failure === undefined) missed += 1;
  }
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();

// What the runner tells the hook. Not VMSYNCD_...: the tests keep those from the agent's process.

/** Name of the guard to take out. */
export const guardVariable = "TAKEN_OUT_GUARD";
/** File to which each process writes what it took out: paths below src, one a line. */
export const marksVariable = "TAKEN_OUT_MARKS";
/** File to which the reporter writes what came of the tests. */
export const resultsVariable = "TAKEN_OUT_RESULTS";

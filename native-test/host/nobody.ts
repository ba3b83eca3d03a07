/** nobody and nogroup, on every Debian. */
const nobody = 65_534;
const rootsGroups = process.getgroups?.() ?? [];

/**
 * The effective user holds for every thread of this process, so for the agent in it too. Without
 * root's groups: to the group 0 a /proc that is mounted with hidepid hides nothing.
 */
export function becomeNobody(): Disposable {
  process.setgroups?.([]);
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  return { [Symbol.dispose]: becomeRoot };
}

/** Does nothing if it is root. */
export function becomeRoot(): void {
  process.seteuid?.(0);
  process.setegid?.(0);
  process.setgroups?.(rootsGroups);
}

import { rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LibvirtConnectionError } from "../../src/libvirt/errors.ts";
import { defaultSocketPaths, SocketDiscovery } from "../../src/libvirt/socket-discovery.ts";
import { SocketFolder } from "./socket-folder.ts";

function twoPaths(folder: SocketFolder) {
  const modular = folder.socket("virtqemud-sock-ro");
  const monolithic = folder.socket("libvirt-sock-ro");
  return { modular, monolithic, discovery: new SocketDiscovery(undefined, [modular, monolithic]) };
}

test("only read-only sockets are looked for, the modular daemon's first", () => {
  expect(defaultSocketPaths).toEqual([
    "/run/libvirt/virtqemud-sock-ro",
    "/run/libvirt/libvirt-sock-ro",
  ]);
});

test("the modular daemon's socket is preferred, and the other one taken without it", () => {
  using folder = new SocketFolder();
  const { modular, monolithic, discovery } = twoPaths(folder);
  writeFileSync(monolithic, "");
  expect(discovery.find()).toBe(monolithic);
  writeFileSync(modular, "");
  expect(discovery.find()).toBe(modular);
});

test("without a socket the error names each path and what to do", () => {
  using folder = new SocketFolder();
  const { modular, monolithic, discovery } = twoPaths(folder);
  expect(() => discovery.find()).toThrow(LibvirtConnectionError);
  expect(() => discovery.find()).toThrow(`neither ${modular} nor ${monolithic} exists`);
  expect(() => discovery.find()).toThrow(expect.objectContaining({ code: "no-socket" }));
});

test("the socket that answered is kept: one that vanishes is not replaced by the other", () => {
  using folder = new SocketFolder();
  const { modular, monolithic, discovery } = twoPaths(folder);
  writeFileSync(monolithic, "");
  discovery.keep(discovery.find());
  writeFileSync(modular, "");
  expect(discovery.find()).toBe(monolithic);
  rmSync(monolithic);
  expect(discovery.find()).toBe(monolithic);
});

test("a configured path is used whether it exists or not, and no other", () => {
  using folder = new SocketFolder();
  const { modular } = twoPaths(folder);
  writeFileSync(modular, "");
  const discovery = new SocketDiscovery("/run/other/libvirt-sock-ro", [modular]);
  expect(discovery.find()).toBe("/run/other/libvirt-sock-ro");
});

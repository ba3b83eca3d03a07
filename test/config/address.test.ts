import { describe, expect, test } from "vitest";
import {
  listenAddress,
  listenAddressProblem,
  socketPathProblem,
} from "../../src/config/address.ts";

describe("the listen address", () => {
  test.each([
    ["127.0.0.1:7171", "127.0.0.1", 7171],
    ["127.255.255.254:0", "127.255.255.254", 0],
    ["[::1]:65535", "::1", 65_535],
    ["[0:0:0:0:0:0:0:1]:1", "0:0:0:0:0:0:0:1", 1],
    ["localhost:7171", "localhost", 7171],
  ])("%s is allowed", (text, host, port) => {
    expect(listenAddressProblem(text)).toBeUndefined();
    expect(listenAddress(text)).toEqual({ host, port });
  });

  test.each([
    ["0.0.0.0:7171", "0.0.0.0"],
    ["192.0.2.1:7171", "192.0.2.1"],
    ["128.0.0.1:7171", "128.0.0.1"],
    ["[::]:7171", "::"],
    ["[::2]:7171", "::2"],
    ["[::ffff:127.0.0.1]:7171", "::ffff:127.0.0.1"],
    ["[::1%lo]:7171", "::1%lo"],
    ["example.com:7171", "example.com"],
    ["127.0.0.1.example.com:7171", "127.0.0.1.example.com"],
    ["localhost.example.com:7171", "localhost.example.com"],
    ["127.1:7171", "127.1"],
    ["0127.0.0.1:7171", "0127.0.0.1"],
    ["2130706433:7171", "2130706433"],
    ["*:7171", "*"],
  ])("%s is refused, because there is no authentication", (text, host) => {
    expect(listenAddressProblem(text)).toBe(
      `'${host}' is not a loopback address, and as long as there is no authentication ` +
        "only 127.0.0.0/8, ::1 and localhost are allowed",
    );
    expect(() => listenAddress(text)).toThrow("cannot listen");
  });

  test.each([
    "",
    "7171",
    ":7171",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:99999999",
    "127.0.0.1:-1",
    "127.0.0.1:0x50",
    "127.0.0.1:080",
    "127.0.0.1:80 ",
    "127.0.0.1:80\n",
    "::1:7171",
    "[::1]",
    "[localhost]:7171",
    "[127.0.0.1]:7171",
    "http://127.0.0.1:7171",
  ])("%j is refused with the form that is expected", (text) => {
    expect(listenAddressProblem(text)).toMatch(
      /^expected ADDRESS:PORT or \[IPV6-ADDRESS\]:PORT, found/,
    );
  });
});

test("a socket's path is limited in bytes, as the kernel counts", () => {
  expect(socketPathProblem(`/${"x".repeat(106)}`)).toBeUndefined();
  expect(socketPathProblem(`/${"é".repeat(53)}`)).toBeUndefined();
  expect(socketPathProblem(`/${"é".repeat(54)}`)).toBe(
    "a unix socket's path has at most 107 bytes, this one has 109",
  );
});

// The one description of the configuration. Types, defaults, validation, the names of environment
// variables and flags, the help text and the reference page are all derived from this schema, so
// that a key is added here and nowhere else.
//
// The schema describes the *effective* configuration, after defaults: `required` says what a reader
// of `Config` may rely on, not what a file has to name. A file may leave out every key.
//
// Annotations beside JSON Schema's own:
//   x-units     the unit of a number
//   x-allowed   what a text may be, worded to follow "expected"
//   x-default   what happens without a value, where there is no constant to state as `default`

import { type Static, Type } from "../schema.ts";
import { listenAddressFormat, socketPathFormat } from "./address.ts";

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

// Control characters and line separators let a name forge log lines; an unpaired surrogate does not
// survive UTF-8; and "." and ".." cannot stand in the address of a route.
const namePattern = "^(?!\\.{1,2}$)[^\\p{Cc}\\p{Cs}\\u2028\\u2029]*$";
const absolutePathPattern = "^/[^\\p{Cc}\\p{Cs}]*$";

type Annotations = { readonly [annotation: string]: unknown };

function name(annotations: Annotations) {
  return Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: namePattern,
    "x-allowed": "1 to 64 characters without control characters, and not . or ..",
    ...annotations,
  });
}

function socketPath(annotations: Annotations) {
  return Type.String({
    pattern: absolutePathPattern,
    format: socketPathFormat,
    "x-allowed": "an absolute path",
    ...annotations,
  });
}

const libvirt = Type.Object(
  {
    socket: Type.Optional(
      socketPath({
        description: "path of libvirt's read-only unix socket",
        "x-default": "the first that exists of the places where libvirt puts it",
      }),
    ),
    stepTimeoutMs: Type.Integer({
      description:
        "limit on connecting to libvirt and on every libvirt call other than the bulk one",
      "x-units": "milliseconds",
      minimum: 100,
      maximum: 60_000,
      default: 2000,
    }),
    keepaliveIntervalSeconds: Type.Integer({
      description: "silence on the connection to libvirt after which a keepalive message is sent",
      "x-units": "seconds",
      minimum: 1,
      maximum: 3600,
      default: 5,
    }),
    keepaliveCount: Type.Integer({
      description: "unanswered keepalive messages after which the connection counts as broken",
      "x-units": "messages",
      minimum: 1,
      maximum: 100,
      default: 5,
    }),
  },
  { additionalProperties: false, description: "the connection to libvirt" },
);

const observation = Type.Object(
  {
    limitMs: Type.Integer({
      description: "limit on one look at the host, after which it ends as incomplete",
      "x-units": "milliseconds",
      minimum: 100,
      maximum: 10_000,
      default: 1000,
    }),
    backgroundSeconds: Type.Integer({
      description: "time without a question after which the host is looked at all the same",
      "x-units": "seconds",
      minimum: 5,
      maximum: 3600,
      default: 30,
    }),
    procPath: Type.String({
      description: "where the process table is mounted",
      pattern: absolutePathPattern,
      "x-allowed": "an absolute path",
      default: "/proc",
    }),
  },
  { additionalProperties: false, description: "the look at the host" },
);

const http = Type.Object(
  {
    socket: socketPath({
      description: "path of the unix socket that serves the API",
      default: "/run/vmsyncd/vmsyncd.sock",
    }),
    listen: Type.Optional(
      Type.String({
        description:
          "TCP address and port that serve the API as well; port 0 lets the system choose; " +
          "only loopback addresses, as long as there is no authentication",
        format: listenAddressFormat,
        "x-allowed": "ADDRESS:PORT or [IPV6-ADDRESS]:PORT of a loopback address",
        "x-default": "no TCP",
        examples: ["127.0.0.1:7171", "[::1]:7171"],
      }),
    ),
  },
  { additionalProperties: false, description: "the HTTP API" },
);

const claims = Type.Object(
  {
    orphanTtlSeconds: Type.Integer({
      description:
        "how long a claim outlives its management node, where neither the claim nor the node says",
      "x-units": "seconds",
      minimum: 1,
      maximum: 86_400,
      default: 600,
    }),
    leaseSeconds: Type.Integer({
      description:
        "silence after which a management node counts as gone, where it does not say; " +
        "never longer than leaseSecondsMax",
      "x-units": "seconds",
      minimum: 10,
      maximum: 3600,
      default: 180,
    }),
    leaseSecondsMax: Type.Integer({
      description: "longest lease that a management node may ask for",
      "x-units": "seconds",
      minimum: 10,
      maximum: 3600,
      default: 600,
    }),
    claimAgeWarningSeconds: Type.Integer({
      description:
        "age beyond which an active claim is shown as stale: a claim that leaked hides its VM " +
        "from high availability",
      "x-units": "seconds",
      minimum: 1,
      maximum: 31_536_000,
      default: 7200,
    }),
  },
  { additionalProperties: false, description: "claims and management nodes" },
);

const store = Type.Object(
  {
    folder: Type.String({
      description: "folder of the store; made if it is missing and the folder above it exists",
      pattern: absolutePathPattern,
      "x-allowed": "an absolute path",
      default: "/var/lib/vmsyncd",
    }),
    historyDays: Type.Integer({
      description: "age beyond which entries of the history are dropped",
      "x-units": "days",
      minimum: 1,
      maximum: 3650,
      default: 30,
    }),
    historyEntriesMax: Type.Integer({
      description: "entries of the history that are kept at most; the oldest are dropped",
      "x-units": "entries",
      minimum: 1000,
      maximum: 10_000_000,
      default: 100_000,
    }),
  },
  { additionalProperties: false, description: "what survives a restart" },
);

const log = Type.Object(
  {
    level: Type.Enum(logLevels, {
      type: "string",
      description: "the least severe messages that are logged",
      default: "info",
    }),
  },
  { additionalProperties: false, description: "the log" },
);

export const configSchema = Type.Object(
  {
    hostId: name({
      description: "name of this host in reports",
      "x-default": "the system's host name",
    }),
    managementNodes: Type.Array(name({ description: "id of a management node" }), {
      description:
        "ids of the management nodes expected to speak to this agent; " +
        "status shows which have not been heard",
      maxItems: 64,
      uniqueItems: true,
      default: [],
    }),
    libvirt,
    observation,
    claims,
    store,
    http,
    log,
  },
  { additionalProperties: false, title: "Configuration of vmsyncd" },
);

type DeepReadonly<T> = { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

/** The effective configuration: validated, complete, deeply frozen. */
export type Config = DeepReadonly<Static<typeof configSchema>>;

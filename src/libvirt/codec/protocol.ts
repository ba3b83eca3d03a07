// Numbers of libvirt's RPC protocol: what is on the wire, and the bounds that are checked before
// anything is allocated. Sources: libvirt src/rpc/virnetprotocol.x ("net"), src/rpc/
// virkeepaliveprotocol.x ("keepalive"), src/remote/remote_protocol.x ("remote"), and
// include/libvirt/libvirt-domain.h ("domain").

/** Programs that a frame may belong to. */
export const programs = {
  /** REMOTE_PROGRAM (remote). */
  remote: 0x20008086,
  /** KEEPALIVE_PROGRAM (keepalive). */
  keepalive: 0x6b656570,
} as const;

/** Version of both programs. */
export const protocolVersion = 1;

/** Procedures of the remote program that this project speaks (enum remote_procedure, remote). */
export const procedures = {
  connectOpen: 1,
  connectClose: 2,
  authList: 66,
  authPolkit: 70,
  connectGetHostname: 59,
  connectSupportsFeature: 60,
  connectGetLibVersion: 157,
  domainGetState: 212,
  domainGetControlInfo: 229,
  connectListAllDomains: 273,
  connectDomainEventCallbackRegisterAny: 316,
  domainEventCallbackLifecycle: 318,
  domainEventCallbackReboot: 319,
  connectGetAllDomainStats: 344,
} as const;
export type Procedure = (typeof procedures)[keyof typeof procedures];

/** Name of a procedure for people; its number if it is not one of these. */
export function procedureName(procedure: number): string {
  const found = Object.entries(procedures).find(([, number]) => number === procedure);
  return found?.[0] ?? String(procedure);
}

/** Procedures of the keepalive program. */
export const keepaliveProcedures = { ping: 1, pong: 2 } as const;

/** Kinds of frame (virNetMessageType, net). Streams and file descriptors are not used here. */
export const frameTypes = { call: 0, reply: 1, message: 2 } as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

/** Outcome of a call (virNetMessageStatus, net). */
export const frameStatuses = { ok: 0, error: 1 } as const;
export type FrameStatus = (typeof frameStatuses)[keyof typeof frameStatuses];

/** Ways to authenticate (enum remote_auth_type, remote). */
export const authTypes = { none: 0, sasl: 1, polkit: 2 } as const;

/** VIR_DRV_FEATURE_PROGRAM_KEEPALIVE, asked with connectSupportsFeature. */
export const featureProgramKeepalive = 10;

/** VIR_CONNECT_RO (libvirt-host.h): open read-only. */
export const connectReadOnly = 1;

/** VIR_DOMAIN_STATS_STATE (domain): the one group of statistics that needs no QEMU monitor. */
export const statsGroupState = 1;

/** Names of the parameters in the STATE group (domain). */
export const stateParameters = { state: "state.state", reason: "state.reason" } as const;

/** Kinds of domain event that can be registered for (virDomainEventID, domain). */
export const domainEventIds = { lifecycle: 0, reboot: 1 } as const;

/** virDomainEventType (libvirt-domain.h): what a lifecycle event tells. */
export const lifecycleEvents = { started: 2, resumed: 4, stopped: 5 } as const;

/** Detail of "started": it comes from another host (VIR_DOMAIN_EVENT_STARTED_MIGRATED). */
export const startedByMigration = 1;

/** Types of a typed parameter's value (virTypedParameterType, libvirt-common.h). */
export const parameterTypes = {
  int: 1,
  uint: 2,
  llong: 3,
  ullong: 4,
  double: 5,
  boolean: 6,
  string: 7,
} as const;

/** Bytes of the length word and of the six header words behind it (net). */
export const lengthWordBytes = 4;
export const headerBytes = 24;
/** The smallest frame: a length and a header with nothing behind. */
export const frameBytesMin = lengthWordBytes + headerBytes;
/** The largest: VIR_NET_MESSAGE_MAX (33,554,432) and the length word (net). */
export const frameBytesMax = 33_554_432 + lengthWordBytes;
/** REMOTE_STRING_MAX (remote, and VIR_NET_MESSAGE_STRING_MAX in net). */
export const stringBytesMax = 4_194_304;
/** REMOTE_AUTH_TYPE_LIST_MAX (remote). */
export const authTypesMax = 20;
/** REMOTE_DOMAIN_LIST_MAX (remote): domains in one list or one bulk answer. */
export const domainsMax = 16_384;
/** REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX (remote): parameters of one domain. */
export const statsParametersMax = 4_096 * 64;
/** VIR_UUID_BUFLEN. */
export const uuidBytes = 16;

/** A domain without disk, network or screen: the least that libvirt starts a QEMU for. */
export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  /** 16 by default; 32 is already generous, for there is no guest. */
  readonly memoryMiB?: number;
  /** "pc" by default, the quicker one. */
  readonly machine?: "pc" | "q35";
  /** What libvirt does when the guest panics; "destroy" by default. */
  readonly onCrash?: "destroy" | "preserve";
  /** Path of its QEMU on the host; libvirt's choice by default. */
  readonly emulator?: string;
  /** More device elements, as XML: `<panic model='isa'/>`. */
  readonly devices?: readonly string[];
}

/** The domain as libvirt's XML, emulated in software: it starts on any machine. */
export function domainXml(spec: DomainSpec): string {
  const { emulator } = spec;
  const emulatorXml = emulator === undefined ? "" : `<emulator>${escapeText(emulator)}</emulator>`;
  return `<domain type='qemu'>
  <name>${escapeText(spec.name)}</name>
  <uuid>${spec.uuid}</uuid>
  <memory unit='MiB'>${spec.memoryMiB ?? 16}</memory>
  <os><type arch='x86_64' machine='${spec.machine ?? "pc"}'>hvm</type></os>
  <features><acpi/></features>
  <on_crash>${spec.onCrash ?? "destroy"}</on_crash>
  <devices>
    ${emulatorXml}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    ${(spec.devices ?? []).join("\n    ")}
  </devices>
</domain>
`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

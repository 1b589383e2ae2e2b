/**
 * Built-in objects as Go writes them down again: quantities in their shortest form, nothing that is "omitted if empty".
 */
import { type Fields, fieldNode, isFields, type SchemaNode } from "../schema/node.ts";

/** Scalars that Go omits when they are false, 0 or "": those of the kinds that people write most. */
const OMITTED: ReadonlySet<string> = new Set(
  `V1Container.stdin V1Container.stdinOnce V1Container.tty V1Container.workingDir V1ContainerPort.hostPort
  V1ContainerPort.hostIP V1ContainerPort.name V1EnvVar.value V1Probe.initialDelaySeconds V1VolumeMount.readOnly
  V1VolumeMount.subPath V1PodSpec.hostIPC V1PodSpec.hostNetwork V1PodSpec.hostPID V1PodSpec.nodeName
  V1PodSpec.priorityClassName V1DeploymentSpec.minReadySeconds V1DeploymentSpec.paused
  V1ReplicaSetSpec.minReadySeconds V1DaemonSetSpec.minReadySeconds V1StatefulSetSpec.minReadySeconds
  V1ServicePort.name V1ServicePort.nodePort V1ServiceSpec.publishNotReadyAddresses`.split(/\s+/),
);

/** Brings a value of the right types into its canonical form, in place. */
export function canonicalize(node: SchemaNode | undefined, value: unknown): void {
  if (node === undefined) return;
  if (Array.isArray(value)) for (const item of value) canonicalize(node.items, item);
  if (!isFields(value)) return;
  for (const [name, field] of Object.entries(value)) {
    const child = fieldNode(node, name);
    if (child === undefined) continue;
    if (child.quantity === true) value[name] = canonicalQuantity(field);
    else canonicalize(child, field);
    if (isOmitted(node, name, child, value)) delete value[name];
  }
}

function isOmitted(node: SchemaNode, name: string, child: SchemaNode, value: Fields): boolean {
  const field = value[name];
  if (field === false || field === 0 || field === "") return OMITTED.has(`${node.model}.${name}`);
  if (node.model === undefined || node.required?.includes(name) === true) return false;
  if (Array.isArray(field)) return field.length === 0 && child.type === "array";
  const map = child.additional !== undefined && child.properties === undefined;
  return map && isFields(field) && Object.keys(field).length === 0;
}

const NANO = 1_000_000_000n;
const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** "1" for "1000m", "1Gi" for "1024Mi", "500m" for 0.5; what is no quantity stays as it is. */
export function canonicalQuantity(given: unknown): unknown {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i)?$/.exec(String(given));
  if (match === null || (typeof given !== "string" && typeof given !== "number")) return given;
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match;
  if (whole === "" && fraction === "") return given;
  const binary = BINARY.indexOf(suffix);
  const digits = BigInt(`${whole}${fraction}`);
  const scale = suffix !== "" && binary > 0 ? NANO * 1024n ** BigInt(binary) : 1000n ** BigInt(DECIMAL.indexOf(suffix));
  const divisor = 10n ** BigInt(fraction.length);
  // Less than a billionth is rounded up.
  const nano = (digits * scale + divisor - 1n) / divisor;
  const text = binary > 0 && nano >= 1024n * NANO && nano % NANO === 0n ? binaryText(nano / NANO) : decimalText(nano);
  return sign === "-" && nano > 0n ? `-${text}` : text;
}

function decimalText(nano: bigint): string {
  let [value, step] = [nano, 0];
  while (value > 0n && value % 1000n === 0n && step < DECIMAL.length - 1) [value, step] = [value / 1000n, step + 1];
  return value === 0n ? "0" : `${value}${DECIMAL[step]}`;
}

function binaryText(units: bigint): string {
  let [value, step] = [units, 0];
  while (value % 1024n === 0n && step < BINARY.length - 1) [value, step] = [value / 1024n, step + 1];
  return `${value}${BINARY[step]}`;
}

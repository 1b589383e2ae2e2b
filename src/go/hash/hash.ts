/**
 * The spec hash: the name of a target's revision in `status.lastAppliedSpec` and `status.lastPromotedSpec`. It must
 * equal the hash of the Flagger that wrote the status, or taking over a cluster would restart every rollout.
 */
import { dump, EMPTY_MAP, printMap, textOf, type Write } from "./dump.ts";
import { FNV_OFFSET, fnv1aFrom, safeEncode } from "./fnv.ts";

/** A DaemonSet is scaled down by a node selector that no node matches; it is not part of the revision. */
export const SCALE_TO_ZERO_SELECTOR = "flagger.app/scale-to-zero";

const CHECKSUM_TYPE = "(struct { TrackedConfigs *map[string]string; LastAppliedSpec string })";

type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * Hash of a pod template (`spec.template`), by its JSON. Fields newer than the API version of the tables do not count.
 * Throws NoQuantity for a quantity that does not parse, or that is too long to calculate with.
 */
export function hashPodTemplate(template: unknown, options: { readonly daemonSet?: boolean } = {}): string {
  return options.daemonSet === true ? hashDaemonSetTemplate(template) : hashTemplate(template);
}

/** Hash of the `spec` of a core/v1 Service. */
export const hashServiceSpec = hashedOnce((spec) => hashDump("ServiceSpec", spec));

const hashTemplate = hashedOnce((template) => hashDump("PodTemplateSpec", template));
const hashDaemonSetTemplate = hashedOnce((template) => hashDump("PodTemplateSpec", withoutScaleDown(template)));

/** Every turn needs the hash of the same objects. Objects of a cache never change; they are replaced. */
function hashedOnce(hash: (value: unknown) => string): (value: unknown) => string {
  const hashed = new WeakMap<object, string>();
  return (value) => {
    if (typeof value !== "object" || value === null) return hash(value);
    const known = hashed.get(value) ?? hash(value);
    hashed.set(value, known);
    return known;
  };
}

/** Hash of a bare string: the name of a Knative revision. */
export function hashText(text: string): string {
  return hashDump("string", text);
}

/** The `checksum` of webhook payloads: changes with the applied spec and with any tracked ConfigMap or Secret. */
export function webhookChecksum(
  trackedConfigs: Readonly<Record<string, string>> | undefined,
  lastAppliedSpec: string,
): string {
  return hashOf((write) => write(checksumText(trackedConfigs, lastAppliedSpec)));
}

/** The text that `webhookChecksum` hashes. */
export function checksumText(
  trackedConfigs: Readonly<Record<string, string>> | undefined,
  lastAppliedSpec: string,
): string {
  const printed = (configs: Readonly<Record<string, string>>) => (write: Write) =>
    printMap(Object.keys(configs), (key) => write(configs[key] ?? ""), write);
  const configs = trackedConfigs === undefined ? "<nil>" : textOf(printed(trackedConfigs));
  return `${CHECKSUM_TYPE}{TrackedConfigs:(*map[string]string)${configs} LastAppliedSpec:(string)${lastAppliedSpec}}`;
}

/** The template of a DaemonSet as it is hashed: scaling it down makes no difference. */
export function withoutScaleDown(template: unknown): JsonRecord {
  const outer = recordOf(template);
  const spec = recordOf(outer.spec);
  const { [SCALE_TO_ZERO_SELECTOR]: _scaledDown, ...nodeSelector } = recordOf(spec.nodeSelector);
  const kept = Object.keys(nodeSelector).length === 0 ? EMPTY_MAP : nodeSelector;
  return { ...outer, spec: { ...spec, nodeSelector: kept } };
}

function hashDump(type: string, value: unknown): string {
  return hashOf((write) => dump(type, value, write));
}

function hashOf(print: (write: Write) => void): string {
  let hash = FNV_OFFSET;
  print((part) => {
    hash = fnv1aFrom(hash, part);
  });
  return safeEncode(hash >>> 0);
}

function recordOf(value: unknown): JsonRecord {
  return typeof value === "object" && value !== null ? (value as JsonRecord) : {};
}

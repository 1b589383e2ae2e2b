/**
 * The spec hash: the name of a target's revision in `status.lastAppliedSpec` and `status.lastPromotedSpec`. It must
 * equal the hash of the Flagger that wrote the status, or taking over a cluster would restart every rollout.
 */
import { dump, EMPTY_MAP, mapText } from "./dump.ts";
import { fnv1a, safeEncode } from "./fnv.ts";

/** A DaemonSet is scaled down by a node selector that no node matches; it is not part of the revision. */
export const SCALE_TO_ZERO_SELECTOR = "flagger.app/scale-to-zero";

const CHECKSUM_TYPE = "(struct { TrackedConfigs *map[string]string; LastAppliedSpec string })";

type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * Hash of a pod template (`spec.template`), by its JSON. Fields newer than the API version of the tables do not count.
 * Throws a RangeError when a quantity in it does not parse, which an API server would not have stored.
 */
export function hashPodTemplate(template: unknown, options: { readonly daemonSet?: boolean } = {}): string {
  if (options.daemonSet === true) return hashDump(dump("PodTemplateSpec", withoutScaleDown(template)));
  if (typeof template !== "object" || template === null) return hashDump(dump("PodTemplateSpec", template));
  const known = HASHED.get(template) ?? hashDump(dump("PodTemplateSpec", template));
  HASHED.set(template, known);
  return known;
}

/** Every turn needs the hash of the same template. Objects of a cache never change; they are replaced. */
const HASHED = new WeakMap<object, string>();

/** Hash of the `spec` of a core/v1 Service. */
export function hashServiceSpec(spec: unknown): string {
  return hashDump(dump("ServiceSpec", spec));
}

/** Hash of a bare string: the name of a Knative revision. */
export function hashText(text: string): string {
  return hashDump(dump("string", text));
}

/** The `checksum` of webhook payloads: changes with the applied spec and with any tracked ConfigMap or Secret. */
export function webhookChecksum(
  trackedConfigs: Readonly<Record<string, string>> | undefined,
  lastAppliedSpec: string,
): string {
  return hashDump(checksumText(trackedConfigs, lastAppliedSpec));
}

/** The text that `webhookChecksum` hashes. */
export function checksumText(
  trackedConfigs: Readonly<Record<string, string>> | undefined,
  lastAppliedSpec: string,
): string {
  const configs =
    trackedConfigs === undefined ? "<nil>" : mapText(Object.keys(trackedConfigs), (key) => trackedConfigs[key] ?? "");
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

function hashDump(text: string): string {
  return safeEncode(fnv1a(text));
}

function recordOf(value: unknown): JsonRecord {
  return typeof value === "object" && value !== null ? (value as JsonRecord) : {};
}

/**
 * What a primary keeps of the revisions that it ran before, in its annotations: the last one, with which a promotion
 * that fails is rolled back even by an operator that was started after it, and a few before that one, for `undo --to`
 * (ADR 0017).
 *
 *   previous-template, previous-revision    the template before the last promotion, and which revision that is
 *   promoted-revision                       which run the primary carries, and checksums of its configuration
 *   earlier-revisions, earlier-templates    those before, the latest first; the templates are gzipped, because they
 *                                           resemble one another
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { undoneTo } from "../../core/run/recovery.ts";
import type { CanaryStatus, Revision } from "../../core/status/canary.ts";
import type { EarlierReading, PreviousReading } from "../../core/turn/observation.ts";
import type { PodTemplate, WorkloadObject } from "../../ports/kubernetes-types.ts";
import { PROMOTION_ID_ANNOTATION } from "../metadata.ts";

const PREVIOUS_TEMPLATE = "aviary.flagger.app/previous-template";
const PREVIOUS_REVISION = "aviary.flagger.app/previous-revision";
const PROMOTED_REVISION = "aviary.flagger.app/promoted-revision";
const EARLIER_REVISIONS = "aviary.flagger.app/earlier-revisions";
const EARLIER_TEMPLATES = "aviary.flagger.app/earlier-templates";

/** All annotations of an object may take 256 KiB together; a larger template is not kept and cannot be restored. */
const LARGEST_TEMPLATE = 128 * 1024;
/** With the present revision and the one before, six are known: a record keeps five runs that were promoted. */
const MOST_EARLIER = 4;
/** Of both annotations about what was before the last promotion; the templates are gzipped, and in base64. */
const LARGEST_EARLIER = 32 * 1024;

/** Of one revision, as far as it is known. */
interface Known {
  readonly run?: string;
  readonly configs?: Revision["configs"];
}

type Kept = PreviousReading & Known;

export interface KeptRevisions {
  /** Id of the run that promoted what the primary carries. */
  readonly run?: string;
  readonly previous?: PreviousReading;
  readonly earlier: readonly EarlierReading[];
}

export function promotionIdOf(primary: WorkloadObject): string | undefined {
  const id = primary.spec?.template?.metadata?.annotations?.[PROMOTION_ID_ANNOTATION];
  return typeof id === "string" ? id : undefined;
}

/** Objects of the cache are frozen and shared, so that one primary is read once. */
const READ = new WeakMap<WorkloadObject, KeptRevisions>();

/** What the primary can get back, as far as it is known which revisions those are. */
export function keptRevisions(primary: WorkloadObject): KeptRevisions {
  const known = READ.get(primary) ?? readKept(primary);
  READ.set(primary, known);
  return known;
}

function readKept(primary: WorkloadObject): KeptRevisions {
  const previous = previousOf(primary);
  const present = knownOf(primary);
  // What the primary's copies hold once the last promotion is undone; they hold it already where nothing is left to
  // undo.
  const { configs } = previous ?? present;
  // A template that cannot be read is as good as not kept, so no one is promised it.
  const earlier = withTemplates(primary).map((one) => ({
    ...readingOf(one),
    changedConfigs: differing(one.configs, configs),
  }));
  return {
    ...(present.run === undefined ? {} : { run: present.run }),
    ...(previous === undefined ? {} : { previous: readingOf(previous) }),
    earlier,
  };
}

const readingOf = ({ spec, promotionId, run }: Kept): PreviousReading => ({
  ...{ spec, promotionId },
  ...(run === undefined ? {} : { run }),
});

/** Names of what the revision reads and would not find as it was. */
function differing(wanted: Revision["configs"], found: Revision["configs"]): readonly string[] {
  return Object.entries(wanted ?? {}).flatMap(([name, checksum]) => (found?.[name] === checksum ? [] : [name]));
}

/** Annotations of the primary with the target's template: what it carried comes to those that are kept. */
export function keptAtPromotion(
  primary: WorkloadObject,
  { promotedSpec, applied, run }: CanaryStatus,
): Readonly<Record<string, string>> {
  const promotionId = promotionIdOf(primary);
  const text = JSON.stringify(primary.spec?.template ?? {});
  const isKept = Buffer.byteLength(text) <= LARGEST_TEMPLATE;
  const isNamed = promotionId !== undefined && promotedSpec !== "";
  const carried = isNamed ? { spec: promotedSpec, promotionId, ...knownOf(primary) } : undefined;
  const known = {
    ...(run === undefined ? {} : { run: run.id }),
    ...(applied?.configs && { configs: applied.configs }),
  };
  return {
    ...(isKept ? { [PREVIOUS_TEMPLATE]: text } : {}),
    ...(carried === undefined ? {} : { [PREVIOUS_REVISION]: JSON.stringify(carried) }),
    ...(run === undefined ? {} : { [PROMOTED_REVISION]: JSON.stringify(known) }),
    // Without the last one, it is not known which configuration the primary would get back.
    ...(isKept ? earlierAtPromotion(primary) : {}),
  };
}

function earlierAtPromotion(primary: WorkloadObject): Readonly<Record<string, string>> {
  const previous = previousOf(primary);
  const template = templateIn(primary);
  const last = previous === undefined || template === undefined ? [] : [{ ...previous, template }];
  const before = withTemplates(primary);
  // A revision without a run cannot be asked for.
  return written([...last, ...before].filter(({ run }) => run !== undefined).slice(0, MOST_EARLIER));
}

interface KeptTemplate extends Kept {
  readonly template: PodTemplate;
}

/** The oldest go when it is too much. */
function written(kept: readonly KeptTemplate[]): Readonly<Record<string, string>> {
  if (kept.length === 0) return {};
  const packed = gzipSync(JSON.stringify(kept.map(({ template }) => template))).toString("base64");
  const revisions = JSON.stringify(kept.map(({ template: _template, ...revision }) => revision));
  if (packed.length + revisions.length > LARGEST_EARLIER) return written(kept.slice(0, -1));
  return { [EARLIER_REVISIONS]: revisions, [EARLIER_TEMPLATES]: packed };
}

/** Whether `to` is the revision before the last promotion; else it is one of those before that. */
const isPrevious = (primary: WorkloadObject, to: string | undefined): boolean =>
  to === undefined || to === previousOf(primary)?.promotionId;

/**
 * The template of the revision before the last promotion; or that of the earlier promotion `to`. Absent where it is not
 * kept.
 */
export function keptTemplate(primary: WorkloadObject, to: string | undefined): PodTemplate | undefined {
  if (isPrevious(primary, to)) return templateIn(primary);
  return withTemplates(primary).find(({ promotionId }) => promotionId === to)?.template;
}

/**
 * What an undo would bring back: images of the containers, and names of the configuration. Absent where that is not
 * kept.
 */
export function keptContent(primary: WorkloadObject, to: string | undefined): KeptContent | undefined {
  const template = keptTemplate(primary, to);
  if (template === undefined) return undefined;
  const earlier = earlierOf(primary).find(({ promotionId }) => promotionId === to);
  const { run, configs } = (isPrevious(primary, to) ? previousOf(primary) : earlier) ?? {};
  const images = (template.spec?.containers ?? []).flatMap(({ image }) => (image === undefined ? [] : [image]));
  return { images, configs: Object.keys(configs ?? {}), ...(run === undefined ? {} : { run }) };
}

export interface KeptContent {
  readonly run?: string;
  readonly images: readonly string[];
  /** e.g. "configmap/settings" */
  readonly configs: readonly string[];
}

/**
 * The primary as it was before its last promotion; or with the revision that the earlier promotion `to` left.
 * @returns undefined when that template is not kept
 */
export function restoredPrimary(primary: WorkloadObject, to?: string): WorkloadObject | undefined {
  const template = keptTemplate(primary, to);
  if (template === undefined) return undefined;
  const earlier = withTemplates(primary);
  if (isPrevious(primary, to)) return carrying(primary, template, previousOf(primary), earlier);
  const at = earlier.findIndex(({ promotionId }) => promotionId === to);
  return carrying(primary, template, earlier[at], earlier.slice(at + 1));
}

/** Whether the primary can get back what a restoration gives it. */
export function isRestorable(primary: WorkloadObject, status: CanaryStatus): boolean {
  const to = undoneTo(status);
  if (isPrevious(primary, to)) return annotationOf(primary, PREVIOUS_TEMPLATE) !== undefined;
  return withTemplates(primary).some(({ promotionId }) => promotionId === to);
}

function carrying(
  primary: WorkloadObject,
  template: PodTemplate,
  known: Known | undefined,
  earlier: readonly KeptTemplate[],
): WorkloadObject {
  const { run, configs } = known ?? {};
  const text = JSON.stringify({ run, configs });
  const kept = { ...(run === undefined ? {} : { [PROMOTED_REVISION]: text }), ...written(earlier) };
  const annotations = { ...othersOf(primary), ...kept };
  return { ...primary, metadata: { ...primary.metadata, annotations }, spec: { ...primary.spec, template } };
}

function othersOf({ metadata }: WorkloadObject): Readonly<Record<string, string>> {
  const own = [PREVIOUS_TEMPLATE, PREVIOUS_REVISION, PROMOTED_REVISION, EARLIER_REVISIONS, EARLIER_TEMPLATES];
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([name]) => !own.includes(name)));
}

/** The configuration that belongs to the template was given up: the template alone is not the revision before. */
export function withoutKeptTemplate(primary: WorkloadObject): WorkloadObject {
  if (annotationOf(primary, PREVIOUS_TEMPLATE) === undefined) return primary;
  const { [PREVIOUS_TEMPLATE]: _kept, [PREVIOUS_REVISION]: _of, ...annotations } = primary.metadata.annotations ?? {};
  return { ...primary, metadata: { ...primary.metadata, annotations } };
}

function annotationOf({ metadata }: WorkloadObject, name: string): string | undefined {
  return metadata.annotations?.[name];
}

function templateIn(primary: WorkloadObject): PodTemplate | undefined {
  return parsed(annotationOf(primary, PREVIOUS_TEMPLATE)) as PodTemplate | undefined;
}

function previousOf(primary: WorkloadObject): Kept | undefined {
  if (annotationOf(primary, PREVIOUS_TEMPLATE) === undefined) return undefined;
  return keptFrom(parsed(annotationOf(primary, PREVIOUS_REVISION)));
}

function earlierOf(primary: WorkloadObject): readonly Kept[] {
  const read = parsed(annotationOf(primary, EARLIER_REVISIONS));
  const all = Array.isArray(read) ? read.slice(0, MOST_EARLIER).map(keptFrom) : [];
  // The templates are found by their place.
  return all.every((one) => one !== undefined) ? all : [];
}

/** The revisions before the previous one, the latest first. Unpacks their templates. */
export function withTemplates(primary: WorkloadObject): readonly KeptTemplate[] {
  const revisions = earlierOf(primary);
  if (revisions.length === 0) return [];
  try {
    const packed = Buffer.from(annotationOf(primary, EARLIER_TEMPLATES) ?? "", "base64");
    const templates: unknown = JSON.parse(
      gunzipSync(packed, { maxOutputLength: MOST_EARLIER * LARGEST_TEMPLATE }).toString("utf8"),
    );
    if (!Array.isArray(templates) || templates.length !== revisions.length) return [];
    return revisions.map((revision, i) => ({ ...revision, template: templates[i] }));
  } catch {
    return [];
  }
}

/** What the primary carries, as far as it was noted. */
function knownOf(primary: WorkloadObject): Known {
  return knownFrom(parsed(annotationOf(primary, PROMOTED_REVISION)));
}

function keptFrom(read: unknown): Kept | undefined {
  const { spec, promotionId } = (read ?? {}) as Partial<Kept>;
  if (typeof spec !== "string" || typeof promotionId !== "string" || spec === "") return undefined;
  return { spec, promotionId, ...knownFrom(read) };
}

function knownFrom(read: unknown): Known {
  const { run, configs } = (read ?? {}) as Partial<Kept>;
  const isMap = typeof configs === "object" && configs !== null;
  return { ...(typeof run === "string" ? { run } : {}), ...(isMap ? { configs } : {}) };
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

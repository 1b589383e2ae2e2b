/**
 * Carries people's actions from the API server to the core, and the answers back. CanaryActions and CanaryFreezes are
 * watched where their CRDs are installed. An action is answered once, in its status; until then every turn looks at it
 * again.
 */

import type { Action, ActionAnswer, Freeze, Verb } from "../../core/people/steering.ts";
import { VERBS } from "../../core/people/steering.ts";
import type { CanaryRef } from "../../core/spec/spec.ts";
import { parseDuration } from "../../go/duration.ts";
import { isNotFound, type ObjectCache, type ObjectRemover, type ObjectWriter } from "../../ports/kube.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import { type CanaryActionSpec, type CanaryActionStatus, STEERING } from "../../ports/steering.ts";
import { createSweep } from "./answered-actions.ts";
import { frozenBy, scopeOf } from "./freezes.ts";

/** What people ask of one Canary now. */
export interface Steered {
  /** The oldest that is not answered yet; empty when there is none. A turn applies one. */
  readonly actions: readonly Action[];
  readonly freeze?: Freeze;
  /** When a freeze begins or ends, and another turn is due. Milliseconds since the epoch. */
  readonly recheckAt?: number;
}

export interface ActionInbox {
  /**
   * What people ask of a Canary now.
   * @param lifted names of the freezes that a person has overridden for this Canary
   */
  read(ref: CanaryRef, now: number, lifted?: readonly string[]): Steered;
  /** Writes the outcomes of actions. When a write fails, a later turn answers the action again. */
  answer(ref: CanaryRef, answers: readonly ActionAnswer[], turn: AnsweredTurn, signal: AbortSignal): Promise<void>;
  /** Calls `wake` for each Canary that a changed action or freeze concerns. @returns a function that stops this */
  onChange(wake: (ref: CanaryRef) => void, canariesOf: (namespace: string) => readonly string[]): () => void;
}

/** The turn that answers actions. */
export interface AnsweredTurn {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Id of the run that was acted on. */
  readonly run?: string;
}

export interface ActionInboxOptions {
  readonly track: (type: ResourceType, namespace: string) => ObjectCache;
  readonly writer: ObjectWriter & ObjectRemover;
  readonly log: Log;
  /** The only namespace to look at; "" for all. */
  readonly namespace: string;
  /** The operator's own namespace: freezes of the whole cluster count there alone. */
  readonly home: string;
}

const EXPIRES_AFTER_MS = 600_000;

export function createActionInbox({ track, writer, log, namespace, home }: ActionInboxOptions): ActionInbox {
  const actions = track(STEERING.action, namespace);
  const freezes = track(STEERING.freeze, namespace);
  const canaries = track(RESOURCES.canary, namespace);
  const stopped = new AbortController();
  const sweep = createSweep({ actions, writer, log, expiresAt: (object) => actionFrom(object).expiresAt });
  /** Actions that were answered. The cache may not show the answers yet. */
  const answered = new Map<string, ActionAnswer>();

  return {
    read(ref, now, lifted = []) {
      const oldest = oldestIn(actions.list(ref.namespace), (object) => isPending(object, ref, answered));
      const labels = canaries.get(ref.namespace, ref.name)?.metadata.labels ?? {};
      sweep(ref.namespace, now, stopped.signal);
      return {
        actions: oldest === undefined ? [] : [actionFrom(oldest)],
        ...frozenBy(ref, labels, freezes, home, now, lifted),
      };
    },
    async answer(ref, answers, { now, run }, signal) {
      for (const answer of answers) {
        const object = actions.list(ref.namespace).find((found) => uidOf(found) === answer.id);
        if (object === undefined) continue;
        answered.set(answer.id, answer);
        const phase = PHASES[answer.outcome];
        const at = new Date(now).toISOString();
        const status: CanaryActionStatus = {
          phase,
          message: answer.message,
          at,
          ...(run === undefined ? {} : { run }),
        };
        const { name } = object.metadata;
        const target = { type: STEERING.action, namespace: ref.namespace, name };
        try {
          await writer.mergePatch(target, { status }, { subresource: "status" }, signal);
        } catch (error) {
          answered.delete(answer.id);
          if (!isNotFound(error))
            log.warn({ action: `${name}.${ref.namespace}`, err: error }, "cannot answer an action");
        }
      }
    },
    onChange(wake, canariesOf) {
      const stopActions = actions.onChange(({ object, type }) => {
        const { namespace: inNamespace = "" } = object.metadata;
        if (type === "deleted" || object["status"]?.phase !== undefined) answered.delete(uidOf(object));
        const name = object["spec"]?.canary;
        if (type !== "deleted" && typeof name === "string") wake({ namespace: inNamespace, name });
      });
      const stopFreezes = freezes.onChange(({ object }) => {
        const { namespace: inNamespace = "" } = object.metadata;
        if (scopeOf(object) === "namespace") {
          for (const name of canariesOf(inNamespace)) wake({ namespace: inNamespace, name });
        } else if (inNamespace === home) {
          for (const { metadata } of canaries.list())
            wake({ namespace: metadata.namespace ?? "", name: metadata.name });
        }
      });
      return () => {
        stopActions();
        stopFreezes();
        stopped.abort(new Error("the inbox is closed"));
      };
    },
  };
}

const PHASES = { applied: "Applied", refused: "Refused", expired: "Expired" } as const;

const uidOf = ({ metadata }: KubeObject): string => metadata.uid ?? "";

/** No operator answers a verb that it does not know. */
function isPending(object: KubeObject, { name }: CanaryRef, answered: ReadonlyMap<string, unknown>): boolean {
  const { canary, verb } = (object["spec"] ?? {}) as Partial<CanaryActionSpec>;
  if (canary !== name || object["status"]?.phase !== undefined) return false;
  return VERBS.includes(verb as Verb) && !answered.has(uidOf(object));
}

/** Thousands may wait, and every turn looks for one. API servers write all times alike: their texts are compared. */
function oldestIn(objects: readonly KubeObject[], isWanted: (object: KubeObject) => boolean): KubeObject | undefined {
  let oldest: { readonly object: KubeObject; readonly key: string } | undefined;
  for (const object of objects) {
    if (!isWanted(object)) continue;
    const { creationTimestamp = "", name } = object.metadata;
    const key = `${creationTimestamp} ${name}`;
    if (oldest === undefined || key < oldest.key) oldest = { object, key };
  }
  return oldest?.object;
}

/**
 * The API server has checked the action against the CRD's schema. Only what the schema cannot check is checked here.
 */
function actionFrom({ metadata, ...object }: KubeObject): Action {
  const spec = object["spec"] as CanaryActionSpec;
  const at = Date.parse(String(metadata["creationTimestamp"] ?? "")) || 0;
  const { to = {} } = spec;
  const forMs = durationOf(spec.for);
  return {
    id: metadata.uid ?? "",
    name: metadata.name,
    verb: spec.verb,
    by: spec.by,
    at,
    expiresAt: at + (durationOf(spec.expiresAfter) ?? EXPIRES_AFTER_MS),
    expect: spec.expect ?? {},
    ...(spec.reason === undefined ? {} : { reason: spec.reason }),
    ...(spec.gate === undefined ? {} : { gate: spec.gate }),
    ...(to.step === undefined ? {} : { toStep: to.step }),
    ...(to.weight === undefined ? {} : { toWeight: to.weight }),
    ...(to.run === undefined ? {} : { toRun: to.run }),
    ...(forMs === undefined ? {} : { forMs }),
    ...(spec.freezeChecks === true ? { freezeChecks: true } : {}),
    ...(spec.gatesToo === true ? { gatesToo: true } : {}),
  };
}

function durationOf(text: string | undefined): number | undefined {
  const parsed = text === undefined ? undefined : parseDuration(text);
  return typeof parsed === "number" ? parsed : undefined;
}

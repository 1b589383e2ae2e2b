/** Writes one object as it should be: created when missing, patched where it differs, left alone where it does not. */
import type { CanaryRef } from "../../core/spec/spec.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import { KubeError, type ObjectRemover, type ObjectWriter } from "../../ports/kube.ts";
import { apiVersionOf, type KubeObject, type ObjectRef, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import type { RouterKind } from "../../ports/router.ts";
import type { Fights } from "./fights.ts";
import { cureOf } from "./missing-right.ts";
import type { FreshSnapshot } from "./read-your-writes.ts";
import { createUnappliedChanges } from "./unapplied-changes.ts";
import { refusedWrite } from "./write-error-text.ts";

/**
 * @param by in whose turn
 * @param confirm asked before a write; what it throws is passed on as it is
 * @returns whether there was anything to write
 */
export type WriteObject = (
  wanted: KubeObject,
  by: CanaryRef,
  signal: AbortSignal,
  confirm?: () => Promise<void>,
) => Promise<boolean>;

/** Deletes this very object. @returns whether it was there; `confirm` is as for a write */
export type RemoveObject = (object: KubeObject, signal: AbortSignal, confirm?: () => Promise<void>) => Promise<boolean>;

/** A write that the API server refused or did not answer; the message is the text of the event. */
export class WriteFailure extends Error {
  constructor(
    message: string,
    readonly refusal: KubeError,
  ) {
    super(message, { cause: refusal });
    this.name = "WriteFailure";
  }
}

/** By API version, then by kind: a key of both would be a new text at every look-up. */
type TypeIndex = ReadonlyMap<string, ReadonlyMap<string, ResourceType>>;

function indexed(types: readonly ResourceType[]): TypeIndex {
  const index = new Map<string, Map<string, ResourceType>>();
  for (const type of types) {
    const version = apiVersionOf(type);
    index.set(version, (index.get(version) ?? new Map<string, ResourceType>()).set(type.kind, type));
  }
  return index;
}

const TYPES = indexed(Object.values(RESOURCES));
/** Every write looks its type up, so the routers' kinds are indexed once. */
const ROUTER_TYPES = new WeakMap<readonly RouterKind[], TypeIndex>();

function typesOf(kinds: readonly RouterKind[]): TypeIndex {
  const known = ROUTER_TYPES.get(kinds) ?? indexed(kinds.map(({ type }) => type));
  ROUTER_TYPES.set(kinds, known);
  return known;
}

/**
 * @param kinds those of the routers
 * @throws Error for a kind that neither ports/kubernetes.ts nor a router lists
 */
export function typeOf(
  { apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">,
  kinds: readonly RouterKind[] = [],
): ResourceType {
  const ofRouters = kinds.length === 0 ? undefined : typesOf(kinds).get(apiVersion)?.get(kind);
  const type = ofRouters ?? TYPES.get(apiVersion)?.get(kind);
  if (type !== undefined) return type;
  throw new Error(`${apiVersion} ${kind} is not in RESOURCES of ports/kubernetes.ts, nor is it a router's`);
}

/**
 * @param kinds what the routers write, with their error texts
 * @param fights counts the repairs of each object
 */
export function createWriter(
  writer: ObjectWriter,
  snapshot: FreshSnapshot,
  kinds: readonly RouterKind[] = [],
  fights?: Fights,
): WriteObject {
  const unapplied = createUnappliedChanges();
  return async (wanted, by, signal, confirm) => {
    const type = typeOf(wanted, kinds);
    const ref: ObjectRef = { type, namespace: wanted.metadata.namespace ?? "", name: wanted.metadata.name };
    const seen = snapshot.get(ref);
    const patch = seen === undefined ? undefined : mergePatch(seen, wanted);
    if (patch === undefined) unapplied.settle(ref);
    if (seen !== undefined && patch === undefined) return false;
    if (seen !== undefined && patch !== undefined && unapplied.has(ref, seen, patch)) return false;
    if (patch !== undefined) await fights?.repair(ref, patch, by, signal);
    await confirm?.();
    try {
      const written =
        patch === undefined
          ? await writer.create(type, wanted, signal)
          : await writer.mergePatch(ref, patch, {}, signal);
      snapshot.remember(type, written, by);
      if (patch !== undefined) unapplied.note(ref, patch, written);
      return true;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      fights?.refused(ref);
      // On conflict the snapshot keeps Aviary's last write: the cache may be older than that write.
      if (error.code === 404) snapshot.forget(ref);
      const verb = patch === undefined ? "create" : "update";
      throw new WriteFailure(`${refusedWrite(wanted, verb, kinds)}${error.message}${cureOf(error)}`, error);
    }
  };
}

/** @param kinds what the routers write */
export function createRemover(
  remover: ObjectRemover,
  snapshot: FreshSnapshot,
  kinds: readonly RouterKind[] = [],
): RemoveObject {
  return async (object, signal, confirm) => {
    const type = typeOf(object, kinds);
    const { name, namespace = "", uid } = object.metadata;
    const ref: ObjectRef = { type, namespace, name };
    await confirm?.();
    try {
      const removed = await remover.delete(ref, { propagation: "Background", ...(uid && { uid }) }, signal);
      snapshot.forget(ref);
      return removed;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      throw new WriteFailure(`${type.kind} ${name}.${namespace} delete error: ${error.message}${cureOf(error)}`, error);
    }
  };
}

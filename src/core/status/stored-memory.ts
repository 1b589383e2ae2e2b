/**
 * Reads what is stored under `status.aviary`. Where the CRD has no types for it, any writer may have stored anything. A
 * field whose type is not the one that Aviary writes is dropped and recovered, as if the API server had pruned it.
 */
import type { WireMemory } from "./wire.ts";

type Kind = "number" | "boolean" | "string" | "object" | "list";

const KINDS: Readonly<Record<keyof WireMemory, Kind>> = {
  step: "number",
  plan: "string",
  holdUntil: "number",
  holdAfterRoutes: "boolean",
  drainUntil: "number",
  drainAfterRoutes: "boolean",
  withheld: "boolean",
  standsIn: "boolean",
  outages: "number",
  prepared: "boolean",
  primaryWeight: "number",
  shiftedAt: "number",
  doubted: "boolean",
  skipping: "boolean",
  covering: "string",
  restoring: "boolean",
  undoing: "string",
  undoingTo: "string",
  owesPostRollout: "boolean",
  skipped: "boolean",
  reverted: "boolean",
  renew: "boolean",
  switching: "boolean",
  released: "boolean",
  putOff: "boolean",
  restarted: "object",
  names: "object",
  run: "object",
  cause: "object",
  paused: "object",
  override: "object",
  approved: "object",
  acted: "object",
  phaseSince: "number",
  said: "string",
  saidReason: "string",
  gate: "string",
  warned: "string",
  offSplit: "object",
  owedAlerts: "list",
};

/** @param stored JSON that anyone may have written */
export function storedMemory(stored: WireMemory): WireMemory {
  return changed(stored as Fields, (name, value) =>
    isOf(KINDS[name as keyof WireMemory], value) ? plain(value) : undefined,
  );
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Each field as `become` has it; a field that becomes undefined is dropped.
 * @returns the given object itself when nothing changes, as nearly always
 */
function changed(given: Fields, become: (name: string, value: unknown) => unknown): Fields {
  const fields = Object.keys(given).map((name) => [name, become(name, given[name])] as const);
  if (fields.every(([name, value]) => value === given[name])) return given;
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

function isOf(kind: Kind | undefined, value: unknown): boolean {
  if (kind === undefined) return false;
  if (kind === "list") return Array.isArray(value);
  if (kind === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === kind && (kind !== "number" || Number.isFinite(value));
}

/** Leaves out properties that would hide a method of every object, such as `toString`. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const parts: readonly unknown[] = value.map(plain);
    return parts.every((part, i) => part === value[i]) ? value : parts;
  }
  return changed(value as Fields, (name, part) => (name in Object.prototype ? undefined : plain(part)));
}

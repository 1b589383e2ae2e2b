/** Windows in which no release begins: freeze, thaw, and the list of them. */
import { isNotFound } from "../../ports/kube.ts";
import { apiVersionOf, collectionPath, type KubeObject, labelText } from "../../ports/kubernetes.ts";
import { type CanaryFreezeSpec, STEERING } from "../../ports/steering.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster, FIELD_MANAGER } from "../cluster.ts";
import { alignColumns } from "../columns.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, oneOf, readOptions, refuseWords, TABLE_OUTPUT } from "../options.ts";
import { whoAmI } from "../steer/action.ts";
import { FREEZE_SPEC_OPTIONS, freezeSpecOf, whenText, whichText } from "../steer/freeze-spec.ts";
import { NAMESPACE } from "../steer/options.ts";
import { covered } from "../steer/scope.ts";
import { listed } from "../steer/seen.ts";

const FREEZE_OPTIONS = {
  ...FREEZE_SPEC_OPTIONS,
  "dry-run": { type: "boolean", help: "say what would be created; the cluster checks the rights" },
  ...NAMESPACE,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const freezeCommand: Command = {
  help: `Usage: aviary freeze [CANARY...] [OPTIONS]

No release begins in the namespace, or of the Canaries that are named, until the freeze ends or is deleted.

Examples:
  aviary freeze -n shop --for 48h --reason "sale"
  aviary freeze podinfo -n test --until 2026-12-27T08:00:00Z --runs hold
  aviary freeze -n shop --schedule "0 18 * * 5" --for 62h --time-zone Europe/Berlin
  aviary freeze -n kube-system --scope cluster -l tier=web --for 4h

${describeOptions(FREEZE_OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, FREEZE_OPTIONS);
    const now = systemClock.now();
    // A wish that cannot be meant is refused before the cluster is asked.
    const asked = freezeSpecOf(options, now);
    const client = await connectCluster(options, env);
    const namespace = options.text("namespace") ?? client.namespace;
    try {
      const spec: CanaryFreezeSpec = { ...asked, by: await whoAmI(client, signal) };
      const name = `freeze-${now.toString(36)}`;
      const body = {
        apiVersion: apiVersionOf(STEERING.freeze),
        kind: "CanaryFreeze",
        metadata: { name, namespace },
        spec,
      };
      err(`cluster: ${client.name}\n`);
      const dryRun = options.flag("dry-run");
      const query = { fieldManager: FIELD_MANAGER, ...(dryRun ? { dryRun: "All" } : {}) };
      const path = collectionPath(STEERING.freeze, namespace);
      await client.transport.send({ method: "POST", path, body, query }, signal);
      const dry = dryRun ? " (dry run)" : "";
      out(`freeze/${name}: ${whichText(spec, namespace)}, ${whenText(spec, now)}${dry}\n`);
      return 0;
    } catch (error) {
      throw explained(error);
    }
  },
};

function explained(error: unknown): unknown {
  if (!isNotFound(error)) return asUserError(error);
  return new UserError("the cluster does not know CanaryFreezes: `aviary apply deploy/crds` first", 1, {
    cause: error,
  });
}

const THAW_OPTIONS = {
  all: { type: "boolean", help: "every freeze of the namespace" },
  ...NAMESPACE,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const thawCommand: Command = {
  help: `Usage: aviary thaw NAME... | --all [OPTIONS]

Examples:
  aviary freezes -n shop
  aviary thaw -n shop --all

${describeOptions(THAW_OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, THAW_OPTIONS);
    if (options.flag("all") === options.words.length > 0) throw new UserError("name freezes, or give --all", 2);
    const client = await connectCluster(options, env);
    const namespace = options.text("namespace") ?? client.namespace;
    err(`cluster: ${client.name}\n`);
    try {
      const all = await listed(client, STEERING.freeze, namespace, {}, signal);
      const names = options.flag("all") ? all.map(({ metadata }) => metadata.name) : options.words;
      for (const word of names) {
        const name = word.replace(/^(?:canary)?freezes?\//, "");
        const gone = await client.kube.delete({ type: STEERING.freeze, namespace, name }, {}, signal);
        if (!gone) throw new UserError(`freeze "${name}" not found in namespace ${namespace}`);
        out(`freeze/${name} deleted\n`);
      }
      if (names.length === 0) out(`nothing is frozen in ${namespace}\n`);
      return 0;
    } catch (error) {
      throw explained(error);
    }
  },
};

const LIST_OPTIONS = {
  ...NAMESPACE,
  "all-namespaces": { type: "boolean", short: "A", help: "all namespaces" },
  ...TABLE_OUTPUT,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const freezesCommand: Command = {
  help: `Usage: aviary freezes [OPTIONS]

Examples:
  aviary freezes -A
  aviary freezes -n shop -o json

${describeOptions(LIST_OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, LIST_OPTIONS);
    refuseWords(options);
    const output = oneOf(options, "output", ["table", "json"]);
    const client = await connectCluster(options, env);
    try {
      const context = { err, signal };
      const isForPeople = output === "table";
      const { objects: freezes } = await covered(client, STEERING.freeze, options, context, { isForPeople });
      if (output === "json") out(`${JSON.stringify(freezes.map(asJson), null, 2)}\n`);
      else if (freezes.length === 0) err("nothing is frozen\n");
      else
        out(
          `${alignColumns(["NAMESPACE\tNAME\tCANARIES\tWINDOWS\tUNTIL\tRUNS\tBY\tREASON", ...freezes.map(rowOf)])}\n`,
        );
      return 0;
    } catch (error) {
      throw explained(error);
    }
  },
};

const asJson = ({ metadata, spec }: KubeObject) => ({ namespace: metadata.namespace, name: metadata.name, ...spec });

function rowOf({ metadata, spec }: KubeObject): string {
  const { canaries = [], until = "thaw", runs = "finish", by = "", reason = "", scope, selector } = spec ?? {};
  const all = scope === "cluster" ? "all of the cluster" : "all";
  const which = [canaries.length === 0 ? all : canaries.join(","), labelText(selector?.matchLabels ?? {})];
  const { schedule, duration, timeZone = "UTC" } = spec ?? {};
  const windows = schedule === undefined ? "-" : `${schedule} ${timeZone}, ${duration}`;
  const shown = which.filter((text) => text !== "").join(" ");
  return [metadata.namespace ?? "", metadata.name, shown, windows, until, runs, by, reason].join("\t");
}

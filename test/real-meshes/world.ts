/** The fixture of the stories, with a real mesh in it. MESH_PROGRAMS names the folder of its programs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type RealMesh, START_MESH } from "../../sandbox/mesh-programs/index.ts";
import type { MeshPrograms } from "../../sandbox/mesh-programs/programs.ts";
import { whatIsMissing as missingPrograms } from "../../sandbox/programs/find.ts";
import { type Receiver, startReceiver } from "../e2e/harness/servers.ts";
import { type Fixture, startFixture } from "../e2e/stories/fixture.ts";

export interface RealWorld {
  readonly name: RealMesh;
  readonly fixture: Fixture;
  readonly mesh: MeshPrograms;
  /** Asked by the gates of all rollouts; a rollout puts in here when its own opens. */
  readonly gates: Map<string, () => boolean>;
  /** A webhook that lets a rollout go on when its test has seen enough of a step. */
  readonly gate: Receiver;
  stop(): Promise<void>;
}

const NEEDS: Readonly<Record<RealMesh, readonly string[]>> = {
  contour: ["contour", "envoy"],
  "envoy-gateway": ["envoy-gateway", "envoy"],
  istio: ["pilot-discovery", "envoy"],
  nginx: ["nginx"],
};

const PROGRAMS = process.env["MESH_PROGRAMS"];
/** Files and folders of CRDs, with colons between them. */
export const CRDS = (process.env["MESH_CRDS"] ?? "").split(delimiter).filter((place) => place !== "");

/** Why a mesh cannot be tried here; undefined when it can. */
export function whatIsMissing(name: RealMesh): string | undefined {
  if (PROGRAMS === undefined) return "MESH_PROGRAMS names no folder of programs";
  if (name !== "nginx" && CRDS.length === 0) return "MESH_CRDS names no CRDs of the Gateway API";
  return missingPrograms(NEEDS[name], PROGRAMS, `${process.env["PATH"] ?? ""}:/usr/sbin`);
}

export async function startRealWorld(name: RealMesh): Promise<RealWorld> {
  const dir = mkdtempSync(join(tmpdir(), "aviary-real-mesh-"));
  const fixture = await startFixture();
  const { cluster, provide, scrape, url } = fixture.sandbox;
  const kubeconfig = join(dir, "kubeconfig");
  writeFileSync(kubeconfig, fixture.sandbox.kubeconfig, { mode: 0o600 });
  const lines: string[] = [];
  const mesh = await START_MESH[name]({
    ...{ cluster, kubeconfig, provide, apiPort: Number(new URL(url).port) },
    ...(PROGRAMS === undefined ? {} : { programs: PROGRAMS }),
    crds: name === "nginx" ? [] : CRDS,
    log: (line) => void lines.push(line),
  }).catch(async (error: unknown) => {
    await fixture.stop();
    throw new Error(`${String(error)}\n${lines.slice(-40).join("\n")}`);
  });
  scrape(mesh.metricsUrl);
  fixture.sandbox.drainAtLeast(mesh.lagMs ?? 0);
  const gates = new Map<string, () => boolean>();
  const gate = await startReceiver();
  gate.answer = ({ body }) => ({ status: (gates.get(body.namespace)?.() ?? true) ? 200 : 403 });
  return {
    ...{ name, fixture, mesh, gates, gate },
    stop: async () => {
      await gate.stop();
      await mesh.stop();
      await fixture.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** What the demo shows: a few lines that are redrawn on a terminal, plain lines everywhere else. */

export interface Side {
  readonly name: string;
  /** Percent of the traffic. */
  readonly weight: number;
  /** Percent of answers that are not 5xx; undefined without traffic. */
  readonly successRate: number | undefined;
  /** 99th percentile, milliseconds; undefined without traffic. */
  readonly latencyMs: number | undefined;
}

export interface Scene {
  readonly phase: string;
  readonly check: string;
  readonly primary: Side;
  readonly canary: Side;
  readonly requests: number;
  readonly failed: number;
}

export interface View {
  /** Something happened; stays on the screen. */
  line(text: string): void;
  scene(scene: Scene): void;
  /** Takes the live part off the screen. */
  end(): void;
}

const BAR_WIDTH = 40;
const CLEAR_BELOW = "\u001b[J";

/** @param columns width of the terminal; undefined when the output is none */
export function createView(out: (text: string) => void, columns: number | undefined): View {
  return columns === undefined ? plainView(out) : liveView(out, columns);
}

function plainView(out: (text: string) => void): View {
  let last = "";
  return {
    line: (text) => out(`${text}\n`),
    scene(scene) {
      // Measurements move all the time; a line is worth printing when the rollout has moved.
      const summary = `${scene.phase} ${scene.primary.weight}/${scene.canary.weight}`;
      if (summary === last) return;
      last = summary;
      out(`  [${scene.phase}] traffic ${split(scene)}, ${measured(scene.primary)}; ${measured(scene.canary)}\n`);
    },
    end() {},
  };
}

function liveView(out: (text: string) => void, columns: number): View {
  let shown: string[] = [];
  const wipe = () => (shown.length === 0 ? "" : `\u001b[${shown.length}A\r${CLEAR_BELOW}`);
  const draw = () => shown.map((text) => `${text}\n`).join("");
  return {
    line(text) {
      out(`${wipe()}${text}\n${draw()}`);
    },
    scene(scene) {
      const before = wipe();
      // A line that wraps would take more rows than are wiped.
      shown = sceneLines(scene).map((text) => (text.length < columns ? text : `${text.slice(0, columns - 2)}…`));
      out(before + draw());
    },
    end() {
      out(wipe());
      shown = [];
    },
  };
}

function sceneLines(scene: Scene): string[] {
  const filled = Math.round((scene.canary.weight / 100) * BAR_WIDTH);
  const bar = `${"█".repeat(BAR_WIDTH - filled)}${"░".repeat(filled)}`;
  return [
    "",
    `  ${scene.phase.padEnd(16)} ${scene.check}`,
    `  primary ${bar} canary   ${split(scene)}`,
    `  ${measured(scene.primary)}`,
    `  ${measured(scene.canary)}`,
    `  users: ${scene.requests} requests, ${scene.failed} failed`,
  ];
}

function split({ primary, canary }: Scene): string {
  return `${primary.weight} % / ${canary.weight} %`;
}

function measured({ name, successRate, latencyMs }: Side): string {
  if (successRate === undefined) return `${name}: no traffic`;
  const latency = latencyMs === undefined ? "" : `, p99 ${Math.round(latencyMs)} ms`;
  return `${name}: ${successRate.toFixed(2)} % success${latency}`;
}

import { describe, expect, it } from "vitest";
import type { Turn } from "../../ports/recorder.ts";
import { aCanary } from "../../testing/canary.ts";
import { createLogger } from "./logger.ts";
import { createLogRecorder } from "./recorder.ts";

describe("the log of a turn", () => {
  it("names the configs that made a revision new, then the events", () => {
    const lines: string[] = [];
    const log = createLogger({ level: "info", encoding: "json", write: (line) => void lines.push(line) });
    const canary = aCanary({
      status: { phase: "Succeeded", lastAppliedSpec: "v1", trackedConfigs: { "configmap/a": "1", "secret/b": "1" } },
    });
    const applied = { spec: "v1", configs: { "configmap/a": "2", "secret/b": "1" } };
    const events = [
      { type: "Normal", message: "New revision detected!", phase: "Progressing" },
      { type: "Warning", message: "no route", phase: "Progressing", error: true },
    ] as const;
    const turn = { canary, transition: { status: { ...canary.status, applied }, events } } as unknown as Turn;
    createLogRecorder(log).record(turn);
    createLogRecorder(log).record({ ...turn, transition: { status: canary.status, events: [] } });
    expect(lines.map((line) => JSON.parse(line)).map(({ level, canary: of, msg }) => [level, of, msg])).toEqual([
      ["info", "podinfo.test", "configmap a has changed"],
      ["info", "podinfo.test", "New revision detected!"],
      ["error", "podinfo.test", "no route"],
    ]);
  });
});

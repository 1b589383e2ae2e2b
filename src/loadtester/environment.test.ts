import { describe, expect, it } from "vitest";
import { commandEnvironment } from "./environment.ts";

describe("the environment of commands", () => {
  it("has what resolves names in a sandbox, and no secrets", () => {
    const env = {
      PATH: "/bin",
      AVIARY_NAMESERVER: "127.0.0.1:1",
      AVIARY_SEARCH: "test.svc.cluster.local",
      TOKEN: "secret",
    };
    const { TOKEN: _, ...passed } = env;
    expect(commandEnvironment(env, [])).toEqual(passed);
    expect(commandEnvironment(env, ["TOKEN"])).toEqual(env);
  });
});

import { describe, expect, it } from "vitest";
import { parseLoadtesterFlags } from "./flags.ts";

describe("the load tester's command line", () => {
  it("is read as Flagger's chart writes it", () => {
    const argv = ["-port=8080", "--log-level", "info", "-timeout=1h30m", "-namespace-regexp=^team-"];
    expect(parseLoadtesterFlags(argv)).toEqual({
      kind: "run",
      flags: {
        port: 8080,
        logLevel: "info",
        timeoutMs: 5_400_000,
        namespaceRegexp: "^team-",
        namespaceRegexpFull: false,
        tokenFile: "",
        commandEnv: [],
        maxAwaited: 50,
        logEncoding: "json",
      },
    });
  });

  it("has Flagger's defaults", () => {
    expect(parseLoadtesterFlags([])).toMatchObject({
      flags: { port: 9090, logLevel: "debug", timeoutMs: 3_600_000, namespaceRegexp: "" },
    });
  });

  it.each([
    [["-log-level=warning"], "warn"],
    [["-log-level=nonsense"], "info"],
    [["-zap-replace-globals", "-log-level=error"], "error"],
    [["-zap-replace-globals=false", "-log-level", "fatal"], "fatal"],
  ])("%j logs at %s", (argv, logLevel) => {
    expect(parseLoadtesterFlags(argv)).toMatchObject({ kind: "run", flags: { logLevel } });
  });

  it.each([
    [["-x"], "flag provided but not defined: -x"],
    [["-port"], "flag needs an argument: -port"],
    [["-port=http"], 'invalid value "http" for flag -port: no port'],
    [["-timeout=5"], 'invalid value "5" for flag -timeout: parse error'],
    // Go says "flag" in messages about values, and not about booleans.
    [["-zap-replace-globals=maybe"], 'invalid boolean value "maybe" for -zap-replace-globals: parse error'],
    [['-timeout="5s"'], 'invalid value "\\"5s\\"" for flag -timeout: parse error'],
    [["-namespace-regexp=("], 'invalid value "(" for flag -namespace-regexp: no regular expression'],
    [["---port=1"], "bad flag syntax: ---port=1"],
  ])("%j is refused", (argv, message) => {
    const read = parseLoadtesterFlags(argv);
    expect(read).toMatchObject({ kind: "wrong", text: expect.stringMatching(/\n\s+-timeout duration\n/) });
    expect(read.kind === "wrong" && read.text.split("\n")[0]).toBe(message);
  });

  it.each(["-h", "--help"])("%s shows the usage", (flag) => {
    expect(parseLoadtesterFlags([flag])).toMatchObject({ kind: "help", text: expect.stringContaining("Usage of") });
  });
});

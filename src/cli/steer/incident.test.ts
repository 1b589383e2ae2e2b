import { expect, it } from "vitest";
import { incidentOf } from "./incident.ts";

const PLANTED = "@org/team [approve](https://evil) ![x](https://evil/i.png) <img src=x> `a` | *b* &lt;c \\| ~d~\n# e";

/** Markdown of GitHub, GitLab and chats. */
it("a report holds what strangers wrote as text: no mention, link, image, heading, cell or HTML of theirs", () => {
  const spec = {
    images: { app: "`; [x](y)", [PLANTED]: PLANTED },
    previousImages: { app: PLANTED },
    startedAt: PLANTED,
  };
  const person = { at: PLANTED, by: PLANTED, verb: PLANTED, outcome: PLANTED, message: PLANTED, reason: PLANTED };
  const metadata = { name: "run", namespace: "test" };
  const text = incidentOf({
    ...{ title: "app.test", sentence: PLANTED, notReady: [PLANTED] },
    run: { apiVersion: "v1", kind: "CanaryRun", metadata, spec, status: { endedAt: PLANTED, people: [person] } },
    failed: [{ at: PLANTED, step: 1, weight: 1, check: PLANTED, detail: PLANTED } as never],
  });
  // Of images: the last part of a line stands in a span of code.
  const outside = text.replaceAll(/`[^`\n]*`/g, "");
  expect(outside).not.toMatch(/@(?!\u200b)|<|(?<!\\)[[\]*~]|&(?!(?:amp|lt);)/);
  expect(text.split("\n").filter((line) => line.startsWith("#"))).toEqual([
    "## app.test",
    "### Failed checks",
    "### People",
    "### Pods that are not ready",
  ]);
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  expect(rows.map((row) => row.match(/(?<!\\)\|/g)?.length)).toEqual([8, 8, 8, 6, 6, 6]);
});

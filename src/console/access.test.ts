/** What the console remembers of people's rights. */
import { expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.ts";
import { createAccess } from "./access.ts";

const NOT_ABORTED = new AbortController().signal;

it("the tokens that strangers make up push out nothing that is known of a person's rights", async () => {
  const sent: string[] = [];
  const transport = {
    send: ({ path }: { path: string }) => {
      sent.push(path);
      return Promise.resolve({ status: { allowed: true, authenticated: false } });
    },
  };
  const access = createAccess("token", { transport } as never, createManualClock());
  const may = () => access.refusal({ name: "alice", groups: [] }, "list", "canaries", "", "", NOT_ABORTED);
  await may();
  for (let i = 0; i < 10_002; i += 1) await access.review(`token-${i}`, NOT_ABORTED);
  await may();
  expect(sent.filter((path) => path.endsWith("/subjectaccessreviews"))).toHaveLength(1);
});

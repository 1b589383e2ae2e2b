import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { causeOf, clean, LONGEST_FOREIGN, show, showHost } from "./show.ts";

describe("an address", () => {
  it.each([
    ["http://podinfo.test:80/gate", "http://podinfo.test:80/gate"],
    ["http://podinfo.test", "http://podinfo.test"],
    ["https://[::1]:9090/x/y", "https://[::1]:9090/x/y"],
    ["http://user:S3CR3T@host:8080/x", "http://host:8080/x"],
    ["http://S3CR3T@host/x", "http://host/x"],
    ["http://user:pass/S3CR3T@host/x", "…@host/x"],
    ["http://user/S3CR3T@host/x", "http://user/…"],
    ["http://host/x?token=S3CR3T#S3CR3T", "http://host/x?…"],
    ["http:user:S3CR3T@host/x", "…@host/x"],
    [" http://user:S3CR3T@host/x", "…@host/x"],
    ["http:\\\\user:S3CR3T@host", "…@host"],
    ["host/x?S3CR3T", "host/x…"],
    ["ftp://u:S3CR3T@host/", "…@host/"],
    ["http://host/a b", "http://host/a b"],
    ["http://[/", "http://[/"],
  ])("%s is shown as %s", (address, shown) => expect(show(address)).toBe(shown));

  it("that is a secret as a whole is shown by its host", () => {
    expect(showHost("https://hooks.slack.com/services/S3CR3T")).toBe("https://hooks.slack.com/…");
    expect(showHost("hooks.slack.com/services/S3CR3T")).toBe("hooks.slack.com/…");
    expect(showHost("socks5://u:S3CR3T@h:1080")).toBe("…@h:1080");
  });

  it("never shows a password, a query or control characters", () => {
    const part = fc.stringMatching(/^[a-z0-9.:/\\\t -]{0,12}$/);
    fc.assert(
      fc.property(part, part, part, fc.boolean(), (scheme, host, rest, inQuery) => {
        const address = inQuery ? `${scheme}${host}?S3CR3T${rest}` : `${scheme}//u:S3CR3T@${host}`;
        expect(show(address)).not.toContain("S3CR3T");
        expect(show(address)).not.toMatch(/[\t\n\r]/);
      }),
      { seed: 1 },
    );
  });
});

describe("a foreign text", () => {
  it("is one line of bounded length without control characters", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 5000 }),
      fc.constantFrom("\x1b]0;title\x07", "a\r\nb", "\u202eabc", "\u0085", "\ud800", "x".repeat(2_000_000)),
    );
    fc.assert(
      fc.property(text, (foreign) => {
        const line = clean(foreign);
        expect(line.length).toBeLessThan(LONGEST_FOREIGN + 40);
        expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff](?![\udc00-\udfff])/u);
      }),
      { seed: 1 },
    );
    expect(clean("naïve 日本語 👩‍💻 \x1b[31m")).toBe("naïve 日本語 👩‍💻 \\x1b[31m");
    expect(clean("x".repeat(1025))).toBe(`${"x".repeat(1024)}… (1025 characters in all)`);
  });

  it("names the first of several causes", () => {
    expect(causeOf(new AggregateError([new Error("ECONNREFUSED"), new Error("other")]))).toBe("ECONNREFUSED");
    expect(causeOf(new Error("", { cause: new Error("why") }))).toBe("why");
    expect(causeOf(Object.assign(new Error(""), { code: "EPIPE" }))).toBe("EPIPE");
    expect(causeOf("text\n")).toBe("text ");
  });
});

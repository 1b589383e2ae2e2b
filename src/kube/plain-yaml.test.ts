import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { parsePlainYaml } from "./plain-yaml.ts";

const EKS = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t==
    server: https://ABC.gr7.eu-west-1.eks.amazonaws.com
  name: arn:aws:eks:eu-west-1:111122223333:cluster/shop
contexts:
- context:
    cluster: arn:aws:eks:eu-west-1:111122223333:cluster/shop
    namespace: shop
    user: arn:aws:eks:eu-west-1:111122223333:cluster/shop
  name: shop
current-context: shop
kind: Config
preferences: {}
users:
- name: arn:aws:eks:eu-west-1:111122223333:cluster/shop
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - eks
      - get-token
      command: aws
      env: null
      provideClusterInfo: false
`;

describe("plain YAML", () => {
  it("reads what kubectl, the clouds and the sandbox write", () => {
    expect(parsePlainYaml(EKS)).toEqual(parse(EKS));
    const indented = stringify(parse(EKS), { lineWidth: 0 });
    expect(parsePlainYaml(indented)).toEqual(parse(EKS));
    expect(parsePlainYaml(`# made by hand\n${EKS}`)).toEqual(parse(EKS));
  });

  it.each([
    ["a comment behind a value", "a: b # c\n"],
    ["a number", "a: 1\n"],
    ["a word that old YAML reads as a truth", "a: yes\n"],
    ["an anchor", "a: &x b\nc: *x\n"],
    ["text over several lines", "a: |\n  b\n"],
    ["a plain scalar over several lines", "a: b\n  c\n"],
    ["a flow mapping", "a: { b: c }\n"],
    ["escapes", 'a: "b\\n"\n'],
    ["a tab", "a:\tb\n"],
    ["a tab for indentation", "a:\n\tb: c\n"],
    ["Windows line ends", "a: b\r\nc: d\r\n"],
    ["two documents", "a: b\n---\nc: d\n"],
    ["a key that stands twice", "a: b\na: c\n"],
    ["an entry within an entry", "a:\n- - b\n"],
    ["a mapping that goes back to a column between two others", "a:\n    b: c\n  d: e\n"],
    ["a list", "- a\n"],
    ["nothing", ""],
  ])("leaves %s to the whole language", (_what, text) => {
    expect(parsePlainYaml(text)).toBeUndefined();
  });

  it("never reads a text in another way than the whole language", () => {
    const piece = fc.constantFrom(
      ...[
        "a: ",
        "b:",
        "c: d",
        "- ",
        "- x",
        "  ",
        "    ",
        "\n",
        "\n",
        "\n",
        "{}",
        "[]",
        '"q"',
        '"',
        "#",
        ":",
        "---",
        "null",
        "~",
      ],
      ...[
        "no",
        "1",
        "1e3",
        "0x1",
        "=",
        "<<: ",
        "- - ",
        "? ",
        "!x ",
        "&x ",
        "*x",
        "|",
        ">",
        "@",
        "`",
        "%",
        "'",
        "\t",
        "__proto__: ",
        "x:y",
        "z ",
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join("");
        const read = parsePlainYaml(text);
        if (read !== undefined) expect(read).toEqual(parse(text));
      }),
      { numRuns: 20_000 },
    );
  });

  it("reads every mapping of words that it is given in the form that kubectl writes", () => {
    const word = fc.stringMatching(/^[A-Za-z/][a-z0-9./-]{0,12}$/);
    const key = fc.stringMatching(/^[a-z][a-z-]{0,8}$/);
    const { tree } = fc.letrec((tie) => ({
      tree: fc.dictionary(key, tie("value"), { minKeys: 1, maxKeys: 4 }),
      value: fc.oneof({ depthSize: "small" }, word, tie("tree"), fc.array(tie("tree"), { maxLength: 3 })),
    }));
    fc.assert(
      fc.property(tree, (fields) => {
        const text = stringify(fields, { lineWidth: 0 });
        expect(parsePlainYaml(text) ?? parse(text)).toEqual(fields);
      }),
    );
  });
});

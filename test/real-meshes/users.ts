/** Users of one application behind a real proxy: so many requests each second, and of each who answered, and when. */
import { Agent, get } from "node:http";
import { byCanary, saidBy } from "../e2e/stories/users.ts";

export interface Crowd {
  /** What its members send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Each member keeps cookies, and comes again and again; absent: all are strangers. */
  readonly members?: number;
}

export interface Sample {
  readonly crowd: string;
  readonly member: number;
  /** performance.now() */
  readonly sentAt: number;
  readonly doneAt: number;
  /** 0: there was no answer. */
  readonly status: number;
  readonly version: string;
  readonly pod: string;
  /** A bad release failed on purpose. Such an answer has no name of a pod. */
  readonly injected: boolean;
  /** What went wrong. */
  readonly text: string;
}

/** Whether the canary answered. Its primary never fails on purpose in these stories. */
export const metCanary = (sample: Sample): boolean => sample.injected || byCanary(sample);

export interface Users {
  readonly samples: readonly Sample[];
  /** Called after each answer. */
  onSample(listener: (sample: Sample) => void): void;
  stop(): Promise<void>;
}

export interface Visit {
  readonly url: string;
  readonly host: string;
  /** A proxy that is told to read its configuration again closes the connections that rest. */
  readonly keepAlive: boolean;
}

const TICK_MS = 10;
const TIMEOUT_MS = 15_000;

export function startUsers(visit: Visit, crowds: Readonly<Record<string, Crowd>>, perSecond: number): Users {
  const agent = new Agent({ keepAlive: visit.keepAlive, maxSockets: 32 });
  const samples: Sample[] = [];
  const listeners: ((sample: Sample) => void)[] = [];
  const open = new Set<Promise<void>>();
  const names = Object.keys(crowds);
  const jars = new Map<string, Map<string, string>>();
  const busy = new Set<string>();
  const began = performance.now();
  let sent = 0;

  const one = async (turn: number): Promise<void> => {
    const crowd = names[turn % names.length] ?? "";
    const { headers = {}, members } = crowds[crowd] ?? {};
    const member = members === undefined ? -1 : Math.floor(turn / names.length) % members;
    const id = `${crowd} ${member}`;
    if (member >= 0 && busy.has(id)) return;
    if (member >= 0) busy.add(id);
    const jar = jars.get(id) ?? new Map<string, string>();
    if (member >= 0) jars.set(id, jar);
    const sample = { crowd, member, ...(await ask(agent, visit, headers, jar)) };
    busy.delete(id);
    samples.push(sample);
    for (const listener of listeners) listener(sample);
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    // A machine that has no time makes users wait, it does not make them come all at once.
    if (open.size >= 64) sent = due;
    for (; sent < due; sent += 1) {
      const asking = one(sent);
      open.add(asking);
      void asking.finally(() => open.delete(asking));
    }
  }, TICK_MS);
  return {
    samples,
    onSample: (listener) => void listeners.push(listener),
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
    },
  };
}

export function ask(
  agent: Agent,
  { url, host }: Visit,
  headers: Readonly<Record<string, string>> = {},
  jar: Map<string, string> = new Map(),
): Promise<Omit<Sample, "crowd" | "member">> {
  const sentAt = performance.now();
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const all = { host, ...headers, ...(cookie === "" ? {} : { cookie }) };
  return new Promise((resolve) => {
    const done = (status: number, text: string) => {
      const { version, pod, injected } = saidBy(text);
      resolve({ sentAt, doneAt: performance.now(), status, version, pod, injected, text: status === 200 ? "" : text });
    };
    const request = get(url, { agent, headers: all, timeout: TIMEOUT_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      for (const line of response.headers["set-cookie"] ?? []) keep(jar, line);
      response.on("end", () => done(response.statusCode ?? 0, text)).on("error", (error) => done(0, String(error)));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on("error", (error) => done(0, String(error)));
  });
}

function keep(jar: Map<string, string>, line: string): void {
  const [name = "", ...value] = (line.split(";")[0] ?? "").split("=");
  jar.set(name.trim(), value.join("="));
}

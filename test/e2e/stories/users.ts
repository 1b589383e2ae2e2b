/** Users of a released application: paced requests, and for each request the pod that answered, and how. */
import { Agent, type Dispatcher } from "undici";
import { PATIENCE_MS } from "../../patience.ts";

export interface Answer {
  /** The user who sent the request: an index. */
  readonly person: number;
  /** 0: no answer. */
  readonly status: number;
  /** The program's version, e.g. "6.0.1"; empty when the answer has none. */
  readonly version: string;
  /** The program's greeting (PODINFO_UI_MESSAGE). */
  readonly message: string;
  /** Name of the pod that answered; empty when the answer has none. */
  readonly pod: string;
  /** The program failed on purpose (`--random-error`), so the request did reach it. */
  readonly injected: boolean;
  /** This user's cookies: name=value of those set so far. */
  readonly cookies: ReadonlyMap<string, string>;
  /** "Set-Cookie" of this answer, as sent. */
  readonly setCookies: readonly string[];
  readonly ms: number;
  readonly text: string;
}

/** Whether a pod of podinfo's canary answered. */
export const byCanary = ({ pod }: Pick<Answer, "pod">): boolean => pod !== "" && !pod.startsWith("podinfo-primary-");

export interface Door {
  /** Scheme and authority of the connection. */
  readonly url: string;
  readonly host?: string;
}

export interface Person {
  /** Through one of these proxies, in turn. */
  readonly doors: readonly Door[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps cookies, and sends the next request after an answer; else every request is a new user's. */
  readonly browser?: boolean;
  readonly path?: string;
}

export interface Users {
  /** All answers so far, in their order. */
  readonly answers: readonly Answer[];
  /** Resolves as soon as the answers satisfy `holds`. */
  until(what: string, holds: (answers: readonly Answer[]) => boolean): Promise<void>;
  /** Resolves when every request has been answered. */
  stop(): Promise<void>;
}

const TICK_MS = 20;
/** When so many requests wait for their answers, users send no other one: a busy machine would never catch up. */
const MOST_OPEN = 16;
/** On a busy machine an answer is late. Only a request that nothing answers takes so long. */
const REQUEST_TIMEOUT_MS = 60_000;

/** `requestsPerSecond` of all users together, who send them in turn. */
export function startUsers(people: readonly Person[], requestsPerSecond: number): Users {
  const agent = new Agent({ connections: 32 });
  const answers: Answer[] = [];
  const jars = people.map(() => new Map<string, string>());
  const busy = new Set<number>();
  const open = new Set<Promise<void>>();
  const listeners = new Set<() => void>();
  const began = performance.now();
  let sent = 0;

  const visit = async (turn: number): Promise<void> => {
    const index = turn % people.length;
    const person = people[index] as Person;
    const door = person.doors[Math.floor(turn / people.length) % person.doors.length] as Door;
    if (busy.has(index)) return;
    if (person.browser === true) busy.add(index);
    const jar = person.browser === true ? (jars[index] as Map<string, string>) : new Map();
    answers.push({ ...(await ask(agent, door, person, jar)), person: index });
    busy.delete(index);
    for (const listener of listeners) listener();
  };

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * requestsPerSecond);
    for (; sent < due; sent += 1) {
      if (open.size >= MOST_OPEN) continue;
      const visiting = visit(sent);
      open.add(visiting);
      void visiting.finally(() => open.delete(visiting));
    }
  }, TICK_MS);

  const stop = async () => {
    clearInterval(timer);
    await Promise.all(open);
    await agent.close();
  };
  let stopped: Promise<void> | undefined;

  return {
    answers,
    until: (what, holds) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!holds(answers)) return;
          done();
          resolve();
        };
        const done = () => {
          clearTimeout(patience);
          listeners.delete(look);
        };
        const patience = setTimeout(() => {
          done();
          reject(new Error(`users did not see ${what}; the last answers were ${JSON.stringify(answers.slice(-5))}`));
        }, PATIENCE_MS);
        listeners.add(look);
        look();
      }),
    // Both the end of a story and the clearing of its namespace stop the users.
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function ask(
  agent: Dispatcher,
  door: Door,
  person: Person,
  jar: Map<string, string>,
): Promise<Omit<Answer, "person">> {
  const began = performance.now();
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = {
    ...(door.host === undefined ? {} : { host: door.host }),
    ...person.headers,
    ...(cookie === "" ? {} : { cookie: [person.headers?.["cookie"], cookie].filter(Boolean).join("; ") }),
  };
  try {
    const { origin } = new URL(door.url);
    const path = person.path ?? "/";
    const answer = await agent.request({ origin, path, method: "GET", headers, headersTimeout: REQUEST_TIMEOUT_MS });
    const text = await answer.body.text();
    const setCookies = [answer.headers["set-cookie"] ?? []].flat();
    for (const line of setCookies) keep(jar, line);
    const said = saidBy(text);
    return {
      status: answer.statusCode,
      ...said,
      cookies: new Map(jar),
      setCookies,
      ms: performance.now() - began,
      text,
    };
  } catch (error) {
    // For every error the user got no answer.
    const text = String(error);
    const ms = performance.now() - began;
    const noAnswer = { version: "", pod: "", message: "", injected: false };
    return { status: 0, ...noAnswer, cookies: new Map(jar), setCookies: [], ms, text };
  }
}

/** What an answer of podinfo says of itself. */
export function saidBy(text: string): Pick<Answer, "version" | "pod" | "message" | "injected"> {
  try {
    const { version = "", hostname = "", message = "" } = JSON.parse(text) as Record<string, string>;
    return { version, pod: hostname, message, injected: message === "injected by the sandbox" };
  } catch {
    return { version: "", pod: "", message: "", injected: false };
  }
}

/** As in a browser: the newest value counts, and expired cookies are dropped. */
function keep(jar: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const [name = "", ...value] = pair.split("=");
  if (attributes.some((attribute) => /^max-age=(-\d+|0)$/i.test(attribute))) jar.delete(name);
  else jar.set(name, value.join("="));
}

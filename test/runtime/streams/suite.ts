// Tests that take the time that pictures take: suites of them run side by side, the tests of each in turn, and every one is reported by itself.
import { after, test } from "node:test";

export interface TestOptions {
  /** False, or the sentence that says what is missing. */
  readonly skip: false | string;
  /** Milliseconds; a busy machine may take many times as long as an idle one. */
  readonly timeout: number;
}

type Work = () => void | Promise<void>;

interface Item {
  readonly name: string;
  readonly options: TestOptions;
  readonly work: Work;
  readonly over: PromiseWithResolvers<void>;
}

/** What one headend is tested for. `before` is not run when every test is to be skipped. */
export interface Suite {
  before(work: Work): void;
  after(work: Work): void;
  test(name: string, options: TestOptions, work: Work): void;
  /** Tests that begin together when the first of them has its turn. */
  together(options: TestOptions, works: Readonly<Record<string, () => Promise<void>>>): void;
  readonly items: readonly Item[];
  run(): Promise<void>;
}

export function createSuite(): Suite {
  const befores: Work[] = [];
  const afters: Work[] = [];
  const items: Item[] = [];
  const add = (name: string, options: TestOptions, work: Work) => {
    const over = Promise.withResolvers<void>();
    over.promise.catch(() => {});
    items.push({ name, options, work, over });
  };
  return {
    items,
    before: (work) => void befores.push(work),
    after: (work) => void afters.push(work),
    test: add,
    together(options, works) {
      let begun: ReadonlyMap<string, Promise<void>> | undefined;
      const begin = (work: () => Promise<void>) => {
        const working = work();
        working.catch(() => {});
        return working;
      };
      for (const name of Object.keys(works))
        add(name, options, async () => {
          begun ??= new Map(Object.entries(works).map(([each, work]) => [each, begin(work)]));
          await begun.get(name);
        });
    },
    async run() {
      const wanted = items.filter(({ options }) => !options.skip);
      if (wanted.length === 0) return;
      try {
        for (const work of befores) await work();
        for (const { work, over } of wanted) await Promise.resolve().then(work).then(over.resolve, over.reject);
      } catch (thrown) {
        for (const { over } of wanted) over.reject(thrown);
      } finally {
        for (const work of afters.reverse()) await work();
      }
    },
  };
}

/** Declares the tests of all suites; the first that is run starts them all. */
export function declareSuites(...suites: readonly Suite[]): void {
  let running: Promise<unknown> | undefined;
  for (const { items } of suites)
    for (const { name, options, over } of items)
      test(name, options, async () => {
        running ??= Promise.all(suites.map((suite) => suite.run()));
        await over.promise;
      });
  after(async () => void (await running));
}

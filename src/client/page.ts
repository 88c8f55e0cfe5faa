import { ColloquyError } from './problem.js'

export interface Page<Item> {
  data: Item[]
  next_cursor: string | null
}

/**
 * A list: `await` gives its first page, `for await` walks the entries of all pages, each fetched when it is needed. Nothing is
 * asked for before one of the two begins.
 */
export class List<P extends Page<unknown>> implements Promise<P>, AsyncIterable<P['data'][number]> {
  readonly [Symbol.toStringTag] = 'List'
  readonly #fetchPage: (cursor: string | undefined) => Promise<P>
  #first: Promise<P> | undefined

  constructor(fetchPage: (cursor: string | undefined) => Promise<P>) {
    this.#fetchPage = fetchPage
  }

  #firstPage(): Promise<P> {
    this.#first ??= this.#fetchPage(undefined)
    return this.#first
  }

  // biome-ignore lint/suspicious/noThenProperty: a list is awaited for its first page
  then<A = P, B = never>(
    onPage?: ((page: P) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#firstPage().then(onPage, onError)
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<P | B> {
    return this.#firstPage().catch(onError)
  }

  finally(onEnd?: (() => void) | null): Promise<P> {
    return this.#firstPage().finally(onEnd)
  }

  /** Walks the pages. */
  async *pages(): AsyncGenerator<P, void> {
    let page = await this.#firstPage()
    for (;;) {
      yield page
      const cursor = page.next_cursor
      if (cursor === null) return
      page = await this.#fetchPage(cursor)
      if (page.next_cursor === cursor) {
        throw new ColloquyError('The list leads back to the same page.', { code: 'unexpected-answer' })
      }
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<P['data'][number], void> {
    for await (const { data } of this.pages()) yield* data as P['data'][number][]
  }
}

import { access, readFile } from 'node:fs/promises'
import { packageRoot } from '../root.js'

/** A Markdown file of the repository that is served as a page. */
export interface Guide {
  /** the last part of its address */
  slug: string
  title: string
  /** what it is for, in a few words */
  purpose: string
  /** its path from the package's root */
  path: string
}

const overview = {
  slug: 'overview',
  title: 'Overview',
  purpose: 'what Colloquy is and guarantees, how to run it and how to call it',
  path: 'README.md',
}
const others: Guide[] = [
  {
    slug: 'contributing',
    title: 'Contributing',
    purpose: 'the rooms of the code, how to change and test them, and why each dependency is there',
    path: 'CONTRIBUTING.md',
  },
  { slug: 'changelog', title: 'Changelog', purpose: 'what has changed', path: 'CHANGELOG.md' },
]

const withoutLinks = (text: string): string => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')

/** The guides in the README's table, in its order, so that they are listed in one place. */
const listedIn = (readme: string): Guide[] =>
  [...readme.matchAll(/^\| (.+) \| \[([^\]]+)\]\(([^)\s]+\.md)\) \|$/gm)].map(
    ([, purpose = '', title = '', path = '']) => ({
      slug: title.toLowerCase().replace(/\W+/g, '-'),
      title,
      purpose: withoutLinks(purpose),
      path,
    }),
  )

export const readGuide = ({ path }: Pick<Guide, 'path'>): Promise<string> =>
  readFile(new URL(path, packageRoot), 'utf8')

const orNone = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error
}

/** A file that this program may be installed without, as an image may leave out Markdown; undefined where it is. */
export const readIfThere = (path: string): Promise<string | undefined> => readGuide({ path }).catch(orNone)

/** The guides that this program is installed with: none without the README, which lists them. */
export const readGuides = async (): Promise<Guide[]> => {
  const readme = await readIfThere(overview.path)
  if (readme === undefined) return []
  const all = [overview, ...listedIn(readme), ...others].map(async (guide) =>
    access(new URL(guide.path, packageRoot)).then(() => [guide], orNone),
  )
  return (await Promise.all(all)).flatMap((guides) => guides ?? [])
}

import { readFile } from 'node:fs/promises'
import { packageRoot } from '../root.js'
import { readGuides, readIfThere } from './guides.js'

const read = (path: string): Promise<string> => readFile(new URL(path, packageRoot), 'utf8')

/** The bundled contract, as JSON. */
export const readContract = (): Promise<string> => read('generated/openapi.json')

/** What is served beside the chat: the contract in each of its forms, with the prefix as its server's URL, and the guides. */
export const readSiteDocuments = async (json: string, prefix: string) => {
  const yaml = await read('contracts/chat-api.yaml')
  const others = {
    postman: await read('generated/postman.json'),
    markdown: await readIfThere('generated/api.md'),
    guides: await readGuides(),
  }
  if (prefix === '') return { json, yaml, ...others }
  const contract = JSON.parse(json) as { servers: object[] }
  const servers = contract.servers.map((server) => ({ ...server, url: prefix }))
  return {
    json: JSON.stringify({ ...contract, servers }),
    yaml: yaml.replace(/^( {2}- url: )\/$/m, `$1${prefix}`),
    ...others,
  }
}

import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Checks an `Authorization` header for this bearer token, in a time that tells nothing of it. */
export const bearerCheck = (token: string): ((authorization: string | undefined) => boolean) => {
  const expected = digest(token)
  return (authorization = '') => {
    const [, given = ''] = /^bearer +(.*)$/i.exec(authorization) ?? []
    return timingSafeEqual(digest(given), expected)
  }
}

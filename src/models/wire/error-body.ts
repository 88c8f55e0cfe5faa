import { isJsonObject, type JsonObject } from '../../json-object.js'
import { parseJson } from './parse-json.js'

/** A provider's error, reduced to what providers have in common. */
export interface ErrorBody {
  /** HTTP statuses that the body names */
  statuses: number[]
  /** the provider's own codes for the kind of error */
  codes: string[]
  /** free text; matched, but never logged */
  text: string
}

/** Where providers put an HTTP status or a code of their own. */
const codeFields = [
  'type',
  'code',
  'status',
  'reason',
  'error_type',
  'error_code',
  'errorCode',
  'statusCode',
  'status_code',
  '__type',
]
/** Where they put a text, or the error itself. */
const innerFields = [
  'error',
  'errors',
  'response',
  'detail',
  'details',
  'message',
  'error_message',
  'error_description',
  'msg',
  'title',
  'metadata',
  'raw',
  'base_resp',
  'status_msg',
]

/** Says that it is an error, and nothing about it. */
const isMarker = (code: string): boolean => code === 'error' || code === 'response.failed'

const maxDepth = 8
const maxItems = 10

/** Reads an error in any of the shapes in which providers send them; a text may be JSON again. */
export const readErrorBody = (body: unknown): ErrorBody => {
  const found = { statuses: [] as number[], codes: [] as string[], texts: [] as string[] }
  const readCode = (value: unknown): void => {
    const number = typeof value === 'number' || /^\d{3}$/.test(String(value)) ? Number(value) : undefined
    if (number !== undefined && number >= 400 && number < 600) found.statuses.push(number)
    if (typeof value === 'string' && value !== '' && number === undefined && !isMarker(value))
      found.codes.push(value)
  }
  const readText = (text: string, field: string, depth: number): void => {
    const parsed = /^\s*[[{]/.test(text) ? parseJson(text) : undefined
    if (parsed !== undefined) read(parsed, field, depth + 1)
    else if (field === 'error' && /^[a-z]+([_-][a-z]+)*$/i.test(text)) found.codes.push(text)
    else found.texts.push(text)
  }
  const read = (value: unknown, field: string, depth: number): void => {
    if (depth > maxDepth) return
    if (typeof value === 'string') readText(value, field, depth)
    else if (Array.isArray(value)) {
      for (const item of value.slice(0, maxItems)) read(item, field, depth + 1)
    } else if (isJsonObject(value)) {
      for (const name of codeFields) readCode(value[name])
      for (const name of innerFields) read(value[name], name, depth + 1)
    }
  }
  read(body, '', 0)
  const { statuses, codes, texts } = found
  return { statuses, codes: [...new Set(codes)].slice(0, maxItems), text: texts.join('\n').slice(0, 10_000) }
}

const isFilled = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.values(value).some(Boolean) : Boolean(value)

/** Whether JSON says of itself that it is an error, whatever else it has. */
export const isError = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(isError)
  if (!isJsonObject(value)) return false
  const { error, errors, type, object, response, base_resp: base } = value
  return (
    isFilled(error) ||
    (Array.isArray(errors) && errors.length > 0) ||
    type === 'error' ||
    object === 'error' ||
    (type === 'response.failed' && isJsonObject(response) && isFilled(response.error)) ||
    (isJsonObject(base) && typeof base.status_code === 'number' && base.status_code !== 0)
  )
}

const isStatus = (value: unknown): boolean => Number(value) >= 400 && Number(value) < 600

/** Whether JSON that is nothing else can only be an error: a detail, or a message that reports no progress. */
export const isBareError = (value: JsonObject): boolean => {
  const { detail, message, type, status, code, statusCode } = value
  if (isFilled(detail)) return true
  if (typeof message !== 'string' || message === '') return false
  const hasCode =
    [code, statusCode, status].some(isStatus) || isFilled(code) || /error|exception/i.test(String(type))
  return hasCode || (type === undefined && status === undefined)
}
